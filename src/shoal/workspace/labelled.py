"""The labelled items, each with who gave the label, when and how."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.types import NONE_OF_THESE
from shoal.workspace.items import Items
from shoal.workspace.labels import LabelLog


@dataclass(frozen=True, slots=True)
class LabelledItem:
    """One labelled item and its label's origin: event `seq`, by `user`, `how`, at `time` (s since 1970).

    `round_id` is the round whose prediction was accepted, None where the label is a person's own.
    """

    id: int
    name: str
    key: bytes
    source: str
    class_name: str
    user: str
    how: str
    time: float
    seq: int
    round_id: int | None


def labelled_items(log: LabelLog, items: Items, names: dict[int, str]) -> list[LabelledItem]:
    """List the labelled items that are not removed, by id; `names` is every class's, by id."""
    labels, deciders = log.labels_and_provenance()
    ids = np.flatnonzero(is_label(labels))
    ids = ids[items.status[ids] != "removed"]
    events = log.events(np.unique(deciders[ids]).tolist())
    rows = zip(ids.tolist(), labels[ids].tolist(), deciders[ids].tolist(), strict=True)
    return [
        LabelledItem(
            id,
            items.names[id],
            items.keys[id],
            items.sources[id],
            names[class_id],
            events[seq].user,
            events[seq].how,
            events[seq].time,
            seq,
            events[seq].round_id,
        )
        for id, class_id, seq in rows
    ]


def is_label(labels: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Say of labels (N,) which are a class or the answer "none of these" (N,) bool."""
    are: NDArray[np.bool_] = (labels >= 0) | (labels == NONE_OF_THESE)
    return are
