"""Which single items to label next: typical ones first, and with predictions the uncertain among them."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from shoal.suggestions.groups import parts
from shoal.suggestions.space import Floats, Ints, checked, clusters, space, typicality
from shoal.types import UNLABELLED

MOST_CLUSTERS = 500
SMALL = 5
"""A cluster of fewer items is asked about last."""
UNCERTAIN = 0.3
"""With predictions, candidates are this share of the unlabelled items, the least confident."""


def next_items(
    vectors: NDArray[np.floating],
    labels: NDArray[np.integer],
    *,
    confidence: NDArray[np.floating] | None = None,
    count: int = 20,
    seed: int = 0,
) -> Ints:
    """Return the row numbers of up to `count` unlabelled items to label next, the most useful first.

    vectors is (N, D), labels (N,) int with -1 where there is none. Without `confidence` (N,) the order is
    TypiClust's (Hacohen et al. 2022). With it, after DropQuery (Gupte et al. 2024): the least confident
    three tenths are clustered and the most typical of each cluster is taken, the cluster with the most doubt
    first. Raises `SuggestionError` where the arrays do not fit together.
    """
    labels = checked("next_items", vectors, labels, confidence)
    rows = space(vectors, seed=seed)
    if confidence is None:
        return _typical(rows, labels, count, seed)
    left = np.flatnonzero(labels == UNLABELLED)
    doubtful = left[np.argsort(confidence[left], kind="stable")]
    doubtful = doubtful[: max(int(UNCERTAIN * len(left)), min(count, len(left)))]
    if not len(doubtful):
        return doubtful
    of, centres = clusters(rows[doubtful], count, seed=seed)
    found = [doubtful[part] for part in parts(of, len(centres)) if len(part)]
    found.sort(key=lambda part: -float((1 - confidence[part]).sum()))
    return np.array([part[int(typicality(rows[part]).argmax())] for part in found], np.int64)


def typical_first(
    vectors: NDArray[np.floating], *, seed: int = 0
) -> Callable[[Ints, NDArray[np.floating], int], Ints]:
    """Return a function of labels (N,), confidence (N,) and a number M: the next M in TypiClust's order.

    The vectors (N, D) are reduced once; the confidence is not looked at.
    """
    rows = space(vectors, seed=seed)

    def choose(labels: Ints, confidence: NDArray[np.floating], count: int) -> Ints:
        return _typical(rows, labels, count, seed)

    return choose


def _typical(rows: Floats, labels: Ints, count: int, seed: int) -> Ints:
    """Take the most typical unlabelled item of each cluster in turn: fewest labels first, then largest.

    There are as many clusters as labels afterwards, at most 500; a cluster taken from counts as labelled.
    """
    known = labels != UNLABELLED
    wanted = min(count, int((~known).sum()))
    of, centres = clusters(rows, min(int(known.sum()) + wanted, MOST_CLUSTERS), seed=seed)
    waiting: list[list[int]] = []
    rank: list[tuple[bool, int, int]] = []
    for part in parts(of, len(centres)):
        typical = typicality(rows[part])
        order = part[np.argsort(-typical, kind="stable")]
        waiting.append(order[~known[order]].tolist())
        rank.append((len(part) < SMALL, int(known[part].sum()), -len(part)))
    chosen: list[int] = []
    while len(chosen) < wanted:
        for cluster in sorted(range(len(rank)), key=lambda k: (rank[k], k)):
            if waiting[cluster] and len(chosen) < wanted:
                chosen.append(waiting[cluster].pop(0))
    return np.array(chosen, np.int64)
