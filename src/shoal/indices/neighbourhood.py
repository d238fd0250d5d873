"""Indices that ask each item's nearest neighbours: accuracy, neighbours kept, trustworthiness."""

import numpy as np
from numpy.typing import NDArray

from shoal.indices.clusters import ValidityError
from shoal.types import UNLABELLED, ShoalError

BLOCK = 1 << 23
"""How many distances trustworthiness holds at once."""


class Neighbours:
    """The nearest other rows of vectors (N, D) by Euclidean distance in float32 around their mean."""

    def __init__(self, vectors: NDArray[np.floating]) -> None:
        import faiss

        middle = vectors.mean(axis=0, dtype=np.float64)
        self.rows = np.ascontiguousarray(vectors - middle, dtype=np.float32)
        self.index = faiss.IndexFlatL2(self.rows.shape[1])
        self.index.add(self.rows)

    def of(self, rows: slice, k: int) -> NDArray[np.int64]:
        """Return the k nearest others (B, k) of some rows, nearest first; 1 <= k < N."""
        found: NDArray[np.int64] = self.index.search(self.rows[rows], k + 1)[1]
        return _without_self(found, np.arange(rows.start, rows.stop))


def nearest_neighbours(vectors: NDArray[np.floating], k: int) -> NDArray[np.int64]:
    """Return each row's k nearest other rows (N, k) by Euclidean distance, exactly, nearest first.

    vectors is (N, D); raises `ShoalError` unless 1 <= k < N.
    """
    n = len(vectors)
    if not 1 <= k < n:
        raise ShoalError(f"nearest_neighbours() got k={k} for {n} vectors; k must lie between 1 and {n - 1}.")
    return Neighbours(vectors).of(slice(0, n), k)


def _without_self(found: NDArray[np.int64], own: NDArray[np.int64]) -> NDArray[np.int64]:
    """Drop each row's own number from (N, k + 1); among duplicates it may be missing, then drop the last."""
    itself = found == own[:, None]
    itself[~itself.any(axis=1), -1] = True
    others: NDArray[np.int64] = found[~itself]
    return others.reshape(len(found), -1)


def knn_accuracy(vectors: NDArray[np.floating], labels: NDArray[np.integer], k: int = 10) -> float:
    """Return the share of items whose class is the majority among their k nearest others.

    vectors is (N, D), labels is (N,) int, `UNLABELLED` (-1) items take no part. A tie goes to the class
    of the nearer neighbour, so that k=2 equals k=1.
    """
    known = labels != UNLABELLED
    vectors, labels = vectors[known], labels[known].astype(np.int64)
    votes = labels[nearest_neighbours(vectors, k)]
    return float(np.mean(_majority(votes) == labels))


def _majority(votes: NDArray[np.integer]) -> NDArray[np.integer]:
    agreeing = (votes[:, :, None] == votes[:, None, :]).sum(axis=2)
    # argmax takes the first of equals, which is the nearest neighbour's class
    winner = agreeing.argmax(axis=1)
    chosen: NDArray[np.integer] = votes[np.arange(len(votes)), winner]
    return chosen


def neighbours_kept(vectors: NDArray[np.floating], positions: NDArray[np.floating], k: int = 10) -> float:
    """Return the mean share of each item's k nearest in `vectors` (N, D) also in `positions` (N, 2)."""
    before, after = nearest_neighbours(vectors, k), nearest_neighbours(positions, k)
    shared = (before[:, :, None] == after[:, None, :]).any(axis=2)
    return float(shared.mean())


def trustworthiness(vectors: NDArray[np.floating], positions: NDArray[np.floating], k: int = 10) -> float:
    """Return how far the k nearest on the map are near in `vectors` (N, D) too, in [0, 1].

    `positions` (N, 2) is the map. Venna and Kaski (2001):
    1 - 2 / (N k (2N - 3k - 1)) sum_i sum_{j in U_i} (rank_ij - k), where U_i are the k nearest on the map
    that are not among the k nearest in `vectors` and rank_ij is j's rank there. O(N^2) time, in blocks.
    Raises `ValidityError` unless both have N rows and 1 <= k < N / 2.
    """
    n = len(vectors)
    if len(positions) != n or not 1 <= k < n / 2:
        raise ValidityError(
            f"trustworthiness got {n} vectors, {len(positions)} positions and k={k}; "
            "it takes as many of both, and 1 <= k < N / 2."
        )
    on_map = nearest_neighbours(positions, k)
    points = np.ascontiguousarray(vectors - vectors.mean(axis=0, dtype=np.float64), dtype=np.float64)
    size = max(1, BLOCK // n)
    excess = sum(_ranks_beyond(points, on_map, slice(i, min(i + size, n)), k) for i in range(0, n, size))
    return 1.0 - 2.0 * excess / (n * k * (2.0 * n - 3.0 * k - 1.0))


def continuity(vectors: NDArray[np.floating], positions: NDArray[np.floating], k: int = 10) -> float:
    """Return how far the k nearest in `vectors` (N, D) stay near on the map `positions` (N, 2), in [0, 1].

    `trustworthiness` with the two exchanged (Venna & Kaski 2001).
    """
    return trustworthiness(positions, vectors, k)


def _ranks_beyond(points: NDArray[np.float64], on_map: NDArray[np.int64], rows: slice, k: int) -> int:
    """Return sum_i sum_j max(rank_ij - k, 0) of the rows i and their neighbours j on the map."""
    from shoal.indices.distances import squared

    away = squared(points[rows], points)
    line = np.arange(len(away))
    away[line, line + rows.start] = np.inf
    excess = 0
    for j in on_map[rows].T:
        rank = (away < away[line, j][:, None]).sum(axis=1) + 1
        excess += int(np.maximum(rank - k, 0).sum())
    return excess
