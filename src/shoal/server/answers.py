"""What the server answers, as JSON."""

from typing import Literal

from shoal.server.schemas import Body
from shoal.types import Scalar


class ItemCounts(Body):
    """How many items there are, and in which state. `total` = embedded + pending + skipped."""

    total: int
    embedded: int
    pending: int
    skipped: int


class ClassInfo(Body):
    """One class: `id` never changes and indexes every label column; `key` is its digit 1-9, if it has one.

    `colour` is what somebody chose for it, as #rrggbb; null where it has the colour of its id.
    """

    id: int
    name: str
    key: int | None
    count: int
    colour: str | None


class MapInfo(Body):
    """One map: fetch its positions from /api/maps/{id}/points, immutable under that address."""

    id: int
    items: int
    projector: str
    layer: str
    parent: int | None
    final: bool
    created: float


class LayerInfo(Body):
    """One layer, early to late: what it sees, and its map of what the current map shows, if there is one."""

    name: str
    width: int
    sees: str
    map: MapInfo | None


class ColumnInfo(Body):
    """One column of metadata. Fetch its values from /api/columns/{id}, its categories from .../categories."""

    id: int
    name: str
    kind: Literal["category", "number", "date"]
    categories: int
    origin: str


class MapQuality(Body):
    """How well a map keeps the labelled classes apart; null where too little is labelled to say."""

    labelled: int
    classes: int
    silhouette: float | None
    map_accuracy: float | None
    layer_accuracy: float | None


class JobInfo(Body):
    """One piece of long work. `seconds_left` is null while nobody can know."""

    id: int
    kind: str
    parameters: dict[str, Scalar]
    state: Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
    done: int
    total: int
    message: str
    rate: float
    seconds_left: float | None


class Gesture(Body):
    """One line of the label log: who, when, how, which class, how many items.

    `target` is the gesture that an undo, redo or revert names; `detail` is what else the kind says, as the
    new name of a class. `active` is false for a gesture that is taken back now.
    """

    seq: int
    time: float
    user: str
    how: str
    kind: Literal[
        "label",
        "clear",
        "none",
        "skip",
        "reject",
        "class",
        "rename",
        "merge",
        "delete",
        "colour",
        "key",
        "undo",
        "redo",
        "revert",
    ]
    class_id: int | None
    class_name: str | None
    count: int
    active: bool
    target: int | None
    round_id: int | None
    detail: dict[str, Scalar]


class RoundInfo(Body):
    """One round: what was learned up to label event `label_seq`, and the map it drew.

    `learned` is the number that people know it by: where new images only were placed on a round's map, that
    of the round. `report` holds the numbers that were measured meanwhile; fetch its guesses from
    /api/rounds/{id}/predictions.
    """

    id: int
    learned: int
    created: float
    map_id: int
    label_seq: int
    parent: int | None
    layer: str
    loss: str
    classes: list[int]
    report: dict[str, float]


class State(Body):
    """Everything the page must know to draw itself; small, polled, and hinted by the WebSocket."""

    workspace: str
    workspace_id: str
    user: str
    items: ItemCounts
    layers: list[str]
    map: MapInfo | None
    round: RoundInfo | None
    classes: list[ClassInfo]
    next_class: int
    label_seq: int
    labelled: int
    none_of_these: int
    put_aside: int
    rejected: int
    undo: Gesture | None
    redo: Gesture | None
    job: JobInfo | None


class LabelResult(Body):
    """What was written: the event's number, how many items it names, and the log's newest number."""

    seq: int
    count: int
    class_id: int | None
    label_seq: int


class SuggestionInfo(Body):
    """A group to label next: how many items, a few that show it, and why it is offered."""

    count: int
    exemplars: list[int]
    reason: str


class ItemInfo(Body):
    """One item, for the hover card and the viewer."""

    id: int
    name: str
    source: str
    width: int | None
    height: int | None
    class_name: str | None
    skipped: str | None


class SkippedItem(Body):
    """One thing that could not become an item, and why."""

    name: str
    reason: str


class Problem(Body):
    """A refusal: what came, what is allowed, what to do."""

    detail: str
