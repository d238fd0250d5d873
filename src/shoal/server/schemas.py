"""What the page asks for, as JSON. Strict: a wrong type or an unknown field is refused."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

COLOURS = 2**24
GREY = 0x808080
MOST_DIMENSIONS = 4096
ItemId = Annotated[int, Field(ge=0, lt=2**31)]
RequestId = Annotated[str, Field(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
ClassName = Annotated[str, Field(min_length=1, max_length=200)]
Coordinate = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
# Strictly a tuple is not a list, and JSON has only lists; the coordinates inside stay strict.
Vertex = Annotated[tuple[Coordinate, Coordinate], Field(strict=False)]


class Body(BaseModel):
    """Refuse what a client did not mean: no coercion, no extra fields."""

    model_config = ConfigDict(strict=True, extra="forbid")


class ColumnFilter(Body):
    """What a column of metadata must hold: one of these categories, or a number from `low` to `high`."""

    column: ItemId
    categories: Annotated[list[ItemId], Field(min_length=1, max_length=10_000)] | None = None
    low: Annotated[float, Field(allow_inf_nan=False)] | None = None
    high: Annotated[float, Field(allow_inf_nan=False)] | None = None


class Filter(Body):
    """Which items pass: all that is said must hold. `text` is part of the name, in any case."""

    labelled: bool | None = None
    classes: Annotated[list[ItemId], Field(max_length=10_000)] = []
    columns: Annotated[list[ColumnFilter], Field(max_length=20)] = []
    text: Annotated[str, Field(max_length=200)] = ""


class Brush(Body):
    """A stroke over the map: what lies within `radius` (map units) of the line through `path`."""

    path: Annotated[list[Vertex], Field(min_length=1, max_length=4096)]
    radius: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]


class Selection(Body):
    """Which items: in `polygon` or under `brush` on map `map_id` that pass `filter`, plus `ids` and `bits`.

    Less `without`. `bits` is any set of items as base64: bit k of byte n, least first, stands for item
    8 n + k. Without a polygon or brush `map_id` only says what the user saw; the server need not have that
    map any longer.
    """

    map_id: ItemId | None = None
    polygon: Annotated[list[Vertex], Field(min_length=3, max_length=4096)] | None = None
    brush: Brush | None = None
    ids: Annotated[list[ItemId], Field(max_length=100_000)] = []
    bits: Annotated[str, Field(max_length=4_000_000)] | None = None
    without: Annotated[list[ItemId], Field(max_length=100_000)] = []
    filter: Filter | None = None


class SimilarRequest(Body):
    """Find what is most alike to a selection: to its middle ("mean") or to any of its items ("max")."""

    selection: Selection
    layer: Annotated[str, Field(max_length=200)] | None = None
    how: Literal["mean", "max"] = "mean"
    count: Annotated[int, Field(ge=1, le=10_000)] = 200


class BeyondRequest(Body):
    """Find what a selection on a map missed, and what it took by mistake."""

    selection: Selection
    map_id: ItemId
    layer: Annotated[str, Field(max_length=200)] | None = None
    count: Annotated[int, Field(ge=1, le=10_000)] = 500


class FindRequest(Body):
    """Find in one layer; null is the current map's."""

    kind: Literal["duplicates", "outliers", "odd"]
    layer: Annotated[str, Field(max_length=200)] | None = None


class LabelRequest(Body):
    """Give the selection a class (made when it does not exist), or an answer that is no class.

    `class_name` null clears, or with `answer` says that the items are none of these, or puts them aside
    (skip). The same `request_id` again answers the first result and changes nothing.
    """

    request_id: RequestId
    selection: Selection
    class_name: ClassName | None
    answer: Literal["none", "skip"] | None = None
    how: Literal["lasso", "box", "brush", "all", "key", "click"]


class ClassRequest(Body):
    """Create a class that has no items yet."""

    request_id: RequestId
    name: ClassName


class Rename(Body):
    """Give the class another name."""

    kind: Literal["rename"]
    name: ClassName


class Merge(Body):
    """Count the class's items to another class from now on."""

    kind: Literal["merge"]
    into: ItemId


class Delete(Body):
    """Take the class away, and its items' labels with it."""

    kind: Literal["delete"]


class Recolour(Body):
    """Choose the class's colour, #rrggbb; null gives back its own."""

    kind: Literal["colour"]
    colour: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")] | None


class Rekey(Body):
    """Give the class a digit, taken from whichever has it; null: none."""

    kind: Literal["key"]
    key: Annotated[int, Field(ge=1, le=9)] | None


class ClassChange(Body):
    """Change one class, as a gesture that one undo takes back."""

    request_id: RequestId
    class_id: ItemId
    change: Annotated[Rename | Merge | Delete | Recolour | Rekey, Field(discriminator="kind")]


class RevertRequest(Body):
    """Take back gesture `seq`, whoever made it, where later ones have not decided anew."""

    request_id: RequestId
    seq: ItemId


class RedoRequest(Body):
    """Give back what this user's latest undo took."""

    request_id: RequestId


class UndoRequest(RedoRequest):
    """Take back this user's latest gesture, or the one that had the request id `gesture`."""

    gesture: RequestId | None = None


class PullRequest(Body):
    """Draw the map that tells selection `a` from selection `b`, and show it."""

    a: Selection
    b: Selection


class AcceptRequest(Body):
    """Make labels of what a round predicts with at least this confidence, for items without a label.

    `selection` null means everywhere, `class_id` null every class. The same `request_id` again answers the
    first result and changes nothing.
    """

    request_id: RequestId
    round_id: ItemId
    selection: Selection | None = None
    class_id: ItemId | None = None
    at_least: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class RejectRequest(Body):
    """Note that the selection's items without a label are not of the class that a round predicts for them.

    `class_id` null: whatever class. The same `request_id` again answers the first result.
    """

    request_id: RequestId
    round_id: ItemId
    selection: Selection
    class_id: ItemId | None = None


class ThumbnailRequest(Body):
    """Ask for one mosaic: (1024 / size)^2 cells row by row, in the order of `ids`.

    Transparent pictures lie over `ground`, 0xRRGGBB, and over mid-grey where they would vanish on it.
    """

    size: Literal[32, 64, 128, 256]
    ground: Annotated[int, Field(ge=0, lt=COLOURS)] = GREY
    ids: Annotated[list[ItemId], Field(min_length=1, max_length=1024)]


class NoParameters(Body):
    """Nothing to say."""


class MapJob(Body):
    """Scan the pile, embed what is new, draw the map; or go on with that."""

    kind: Literal["map"]
    parameters: NoParameters = NoParameters()


class LayerMapParameters(Body):
    """Which layer to draw."""

    layer: Annotated[str, Field(min_length=1, max_length=200)]


class LayerMapJob(Body):
    """Draw the map of another layer, beside the main one."""

    kind: Literal["layer_map"]
    parameters: LayerMapParameters


class LearnParameters(Body):
    """How to learn; what is null takes the default."""

    loss: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    dim: Annotated[int, Field(ge=1, le=MOST_DIMENSIONS)] | None = None
    layer: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class LearnJob(Body):
    """Learn a round from the labels: a model, its predictions, and the map they make."""

    kind: Literal["learn"]
    parameters: LearnParameters = LearnParameters()


JobRequest = Annotated[MapJob | LayerMapJob | LearnJob, Field(discriminator="kind")]
"""Start or resume work on this workspace."""
