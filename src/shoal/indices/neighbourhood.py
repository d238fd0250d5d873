"""Indices that ask each item's nearest neighbours: leave-one-out accuracy, neighbours kept."""

import numpy as np
from numpy.typing import NDArray

from shoal.types import UNLABELLED, ShoalError


def nearest_neighbours(vectors: NDArray[np.floating], k: int) -> NDArray[np.int64]:
    """Return each row's k nearest other rows (N, k) by Euclidean distance, exactly, nearest first.

    vectors is (N, D); raises `ShoalError` unless 1 <= k < N.
    """
    import faiss

    n = len(vectors)
    if not 1 <= k < n:
        raise ShoalError(f"nearest_neighbours() got k={k} for {n} vectors; k must lie between 1 and {n - 1}.")
    rows = np.ascontiguousarray(vectors, dtype=np.float32)
    index = faiss.IndexFlatL2(rows.shape[1])
    index.add(rows)
    found: NDArray[np.int64] = index.search(rows, k + 1)[1]
    return _without_self(found)


def _without_self(found: NDArray[np.int64]) -> NDArray[np.int64]:
    """Drop each row's own number from (N, k + 1); among duplicates it may be missing, then drop the last."""
    own = found == np.arange(len(found))[:, None]
    own[~own.any(axis=1), -1] = True
    others: NDArray[np.int64] = found[~own]
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
