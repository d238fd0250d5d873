"""Indices that ask each item's nearest neighbours: accuracy, neighbours kept, trustworthiness.

Every function takes arrays, nested lists or tensors, (N, D) of any real dtype, and raises
`ValidityError` on other shapes and dtypes, on NaN, infinite and immense values (1e150), and on an impossible
k.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from shoal.indices.checks import (
    Centred,
    Floats,
    Ints,
    ValidityError,
    checked_k,
    checked_labels,
    checked_vectors,
)
from shoal.indices.nearest import Neighbours, Scene
from shoal.types import UNLABELLED

COUNTED = 10
"""Up to so many ranks in a row are counted; beyond, sorting the row takes less time."""
BLOCK = 1 << 23
"""How many pairs of neighbours are held at once."""


def nearest_neighbours(vectors: ArrayLike, k: int) -> Ints:
    """Return each row's k nearest other rows (N, k) by Euclidean distance, nearest first.

    vectors is (N, D); 1 <= k < N. Every pair is compared, in float32 around the middle, so that those whose
    distances agree to some six digits of how far most are from it come in no particular order; of items far
    from all others exactly.
    """
    return _nearest(_points(vectors, "nearest_neighbours"), k, "nearest_neighbours")


def _points(vectors: ArrayLike, asked_by: str, what: str = "vectors") -> Centred:
    return Centred.of(checked_vectors(vectors, asked_by, what), None, asked_by, what)


def _nearest(points: Centred, k: int, asked_by: str) -> Ints:
    n = len(points)
    k = checked_k(k, 1, n - 1, asked_by, f"{n} vectors")
    return Neighbours(Scene.of(points)).of(slice(0, n), k)


def knn_accuracy(vectors: ArrayLike, labels: ArrayLike, k: int = 10) -> float:
    """Return the share of items whose class is the majority among their k nearest others.

    vectors is (N, D), labels is (N,) int, -1 = unlabelled: such items take no part, whatever their vectors.
    1 <= k < the labelled items. A tie goes to the class of the nearer neighbour, so that k=2 equals k=1.
    """
    x = checked_vectors(vectors, "knn_accuracy")
    y = checked_labels(labels, len(x), "knn_accuracy")
    known = np.flatnonzero(y != UNLABELLED)
    points = Centred.of(x, known, "knn_accuracy", "labelled vectors")
    y = y[known]
    votes = y[_nearest(points, k, "knn_accuracy")]
    right = sum(int((_majority(votes[rows]) == y[rows]).sum()) for rows in _blocks(len(votes), k * k))
    return right / len(y)


def _blocks(n: int, width: int) -> Iterator[slice]:
    """Yield slices that cover n rows of this width, `BLOCK` numbers at a time."""
    size = max(1, BLOCK // width)
    return (slice(i, min(i + size, n)) for i in range(0, n, size))


def _majority(votes: Ints) -> Ints:
    agreeing = (votes[:, :, None] == votes[:, None, :]).sum(axis=2)
    # argmax takes the first of equals, which is the nearest neighbour's class
    winner = agreeing.argmax(axis=1)
    chosen: Ints = votes[np.arange(len(votes)), winner]
    return chosen


def _two(vectors: ArrayLike, positions: ArrayLike, asked_by: str) -> tuple[Centred, Centred]:
    """Return both, checked; raise `ValidityError` unless they have as many rows."""
    before, after = _points(vectors, asked_by), _points(positions, asked_by, "positions")
    if len(before) != len(after):
        raise ValidityError(
            f"{asked_by} got {len(before)} vectors and {len(after)} positions; it takes as many of both."
        )
    return before, after


def neighbours_kept(vectors: ArrayLike, positions: ArrayLike, k: int = 10) -> float:
    """Return the mean share of each item's k nearest in `vectors` (N, D) also in `positions` (N, 2)."""
    before, after = (_nearest(p, k, "neighbours_kept") for p in _two(vectors, positions, "neighbours_kept"))
    shared = 0
    for rows in _blocks(len(before), 2 * k):
        # a number that both have stands twice in the row, side by side once sorted
        both = np.sort(np.concatenate([before[rows], after[rows]], axis=1), axis=1)
        shared += int((both[:, 1:] == both[:, :-1]).sum())
    return shared / before.size


def trustworthiness(vectors: ArrayLike, positions: ArrayLike, k: int = 10) -> float:
    """Return how far the k nearest on the map are near in `vectors` (N, D) too, in [0, 1].

    `positions` (N, 2) is the map. Venna and Kaski (2001):
    1 - 2 / (N k (2N - 3k - 1)) sum_i sum_{j in U_i} (rank_ij - k), where U_i are the k nearest on the map
    that are not among the k nearest in `vectors` and rank_ij is j's rank there. 1 <= k < N / 2. O(N^2)
    time, in blocks.
    """
    return _trust(vectors, positions, k, "trustworthiness")


def continuity(vectors: ArrayLike, positions: ArrayLike, k: int = 10) -> float:
    """Return how far the k nearest in `vectors` (N, D) stay near on the map `positions` (N, 2), in [0, 1].

    `trustworthiness` with the two exchanged (Venna & Kaski 2001).
    """
    return _trust(positions, vectors, k, "continuity")


def _trust(wide: ArrayLike, narrow: ArrayLike, k: int, asked_by: str) -> float:
    points, seen = _two(wide, narrow, asked_by)
    n = len(points)
    k = checked_k(k, 1, (n - 1) // 2, asked_by, f"{n} vectors")
    near = _nearest(seen, k, asked_by)
    away_by_rows = Scene.of(points).squared_to_all()
    excess = sum(_ranks_beyond(away, near[rows], rows.start) for rows, away in away_by_rows)
    return 1.0 - 2.0 * excess / (n * k * (2.0 * n - 3.0 * k - 1.0))


def _ranks_beyond(away: Floats, near: Ints, start: int) -> int:
    """Return sum_i sum_j max(rank_ij - k, 0) of the items i from `start` on and those near them elsewhere, j.

    away (B, N) orders all items by their distance, and may be overwritten; near is (B, k).
    """
    line, k = np.arange(len(away)), near.shape[1]
    away[line, line + start] = np.inf
    own = np.take_along_axis(away, near, axis=1)
    if k > COUNTED:
        away.sort(axis=1)
        ranks = [row.searchsorted(each) + 1 for row, each in zip(away, own, strict=True)]
    else:
        ranks = [
            np.array([np.count_nonzero(row < value) for value in each]) + 1
            for row, each in zip(away, own, strict=True)
        ]
    return int(np.maximum(np.array(ranks) - k, 0).sum())
