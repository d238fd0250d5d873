"""Groups of unlabelled items that lie so close together that one gesture may label each."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.suggestions.space import Floats, Ints, checked, clusters, space
from shoal.types import UNLABELLED

EXEMPLARS = 9
TYPICAL_SIZE = 20
"""There are as many clusters as give this mean size. Measured on four sets with true classes: of 15, 20 and
40 the one whose twenty best groups are pure (0.88 to 0.97) and still large."""
EDGE = 0.1
"""Items whose simplified silhouette is lower lie between clusters and are left out of a group."""
FEWEST, MOST = 8, 512
"""A group has at least so many items; there are at most so many clusters."""


@dataclass(frozen=True, slots=True)
class Group:
    """Items that belong together: their row numbers `ids` (M,), nearest to the middle first.

    `exemplars` (E,) are up to nine of them: the one in the middle, then each as unlike those before as
    possible, so that they show the group's breadth. `score` is the number of items that one gesture would
    newly label, discounted by doubt; `reason` says in one sentence why the group is offered.
    """

    ids: Ints
    exemplars: Ints
    score: float
    reason: str


def suggest_groups(
    vectors: NDArray[np.floating],
    labels: NDArray[np.integer],
    *,
    confidence: NDArray[np.floating] | None = None,
    count: int = 20,
    seed: int = 0,
) -> list[Group]:
    """Propose up to `count` groups of unlabelled items to label next, the most useful first.

    vectors is (N, D), a layer or a head's output; labels (N,) int with -1 where there is none; confidence
    (N,) that of the current predictions. Clusters of all items lose what lies at their edges and are scored
    by the size of their unlabelled part, how well they stand apart from the next cluster (the median
    simplified silhouette, squared), how little of them is labelled, and how unsure the predictions there are.
    Raises `SuggestionError` where the arrays do not fit together.
    """
    labels = checked("suggest_groups", vectors, labels, confidence)
    if not len(labels):
        return []
    rows = space(vectors, seed=seed)
    of, centres = clusters(rows, how_many(len(rows), count), seed=seed)
    apart = _apart(rows, centres)
    groups = []
    for members in parts(of, len(centres)):
        unlabelled = members[(labels[members] == UNLABELLED) & (apart[members] > EDGE)]
        if len(unlabelled) < FEWEST:
            continue
        known = float((labels[members] != UNLABELLED).mean())
        sure = None if confidence is None else float(confidence[unlabelled].mean())
        stands_apart = float(np.median(apart[unlabelled]))
        score = len(unlabelled) * stands_apart**2 * (1 - known) * (1.0 if sure is None else 1.0 - 0.9 * sure)
        groups.append(group_of(rows, unlabelled, score, _reason(len(unlabelled), known, sure)))
    return sorted(groups, key=lambda group: -group.score)[:count]


def group_of(rows: Floats, members: Ints, score: float, reason: str) -> Group:
    """Return the group of members (M,), ordered from their middle outwards, with its exemplars."""
    away = np.linalg.norm(rows[members] - rows[members].mean(axis=0), axis=1)
    ordered = members[np.argsort(away, kind="stable")]
    return Group(ordered, _exemplars(rows, ordered), score, reason)


def _exemplars(rows: Floats, ordered: Ints) -> Ints:
    """Choose the first, then again and again the one farthest from those chosen; outliers are left out."""
    core = ordered[: max(int(len(ordered) * 0.9), 1)]
    chosen = [0]
    away = np.linalg.norm(rows[core] - rows[core[0]], axis=1)
    while len(chosen) < min(EXEMPLARS, len(core)):
        farthest = int(away.argmax())
        if not away[farthest]:
            break
        chosen.append(farthest)
        away = np.minimum(away, np.linalg.norm(rows[core] - rows[core[farthest]], axis=1))
    return core[chosen]


def how_many(items: int, count: int) -> int:
    """Return a number of clusters for so many items from which `count` groups can come."""
    return int(np.clip(items // TYPICAL_SIZE, min(2 * count, items // (2 * FEWEST)), MOST))


def _apart(rows: Floats, centres: Floats) -> Floats:
    """Return each item's simplified silhouette (N,): (b - a) / max(a, b), distances to centres."""
    import faiss

    if len(centres) < 2:
        return np.ones(len(rows), np.float32)
    index = faiss.IndexFlatL2(rows.shape[1])
    index.add(centres)
    away = np.sqrt(np.maximum(index.search(rows, 2)[0], 0))
    silhouette = (away[:, 1] - away[:, 0]) / np.maximum(away[:, 1], 1e-12)
    return np.asarray(silhouette, np.float32)


def parts(of: Ints, number: int) -> list[Ints]:
    """Return the row numbers (M,) of each of `number` clusters, ascending; of (N,) says whose each row is."""
    order = np.argsort(of, kind="stable")
    return np.split(order, np.cumsum(np.bincount(of, minlength=number))[:-1])


def _reason(items: int, known: float, sure: float | None) -> str:
    if known > 0:
        return f"{items:,} items alike; {100 * known:.0f} % of their cluster is labelled already"
    if sure is not None:
        return f"{items:,} items alike, none of them labelled; predictions are {100 * sure:.0f} % sure here"
    return f"{items:,} items alike, none of them labelled"
