"""Retrieval: whether an item's nearest others are of its class.

Every labelled item asks all other labelled items by Euclidean distance; an item whose class has no other
member asks nothing. Distances are compared in float32 around the middle, so that those that agree to some six
digits of how far most items are from it come in no particular order; those of items far from all others are
compared exactly. Vectors are (N, D), labels (N,) int, -1 = unlabelled; refused is what `Index` refuses.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal.indices.checks import ValidityError, checked_k
from shoal.indices.clusters import Clusters
from shoal.indices.nearest import Neighbours, Scene

HELD = 1 << 23
"""How many neighbours are held at once."""


def recall_at_k(vectors: ArrayLike, labels: ArrayLike, k: int = 1) -> float:
    """Return Recall@K: the share of items with at least one of their class among their k nearest others.

    vectors is (N, D), labels (N,) int, -1 = unlabelled (Jégou et al. 2011, as used in metric learning).
    Raises `ValidityError` unless 1 <= k < N and some class has two items.
    """
    clusters = Clusters.passing(vectors, labels, asked_by="recall_at_k")
    k = checked_k(k, 1, len(clusters) - 1, "recall_at_k", f"{len(clusters)} items")
    hits = [found.any(axis=1) for found in _same_class(clusters, "recall_at_k", k)]
    return float(np.concatenate(hits).mean())


def r_precision(vectors: ArrayLike, labels: ArrayLike) -> float:
    """Return the mean share of an item's class among its R nearest others, R = size of the class - 1.

    vectors is (N, D), labels (N,) int, -1 = unlabelled (Musgrave et al. 2020).
    """
    clusters = Clusters.passing(vectors, labels, asked_by="r_precision")
    shares = [found.mean(axis=1) for found in _same_class(clusters, "r_precision")]
    return float(np.concatenate(shares).mean())


def map_at_r(vectors: ArrayLike, labels: ArrayLike) -> float:
    """Return MAP@R: mean over items of 1/R sum_{i <= R} precision_i [i-th nearest is of the class].

    R and the arguments are as in `r_precision` (Musgrave et al. 2020).
    """
    clusters = Clusters.passing(vectors, labels, asked_by="map_at_r")
    averages = []
    for found in _same_class(clusters, "map_at_r"):
        precisions = np.cumsum(found, axis=1) / np.arange(1, found.shape[1] + 1)
        averages.append((precisions * found).mean(axis=1))
    return float(np.concatenate(averages).mean())


def _same_class(clusters: Clusters, asked_by: str, k: int | None = None) -> Iterator[NDArray[np.bool_]]:
    """Yield, class by class and block by block, whether the nearest others are of the class.

    They are (B, k), nearest first, or (B, R) with the R of the class where k is None.
    """
    if clusters.counts.max() < 2:
        raise ValidityError(f"{asked_by} got {clusters.k} singletons; it needs a class of two or more items.")
    neighbours = Neighbours(Scene.of(clusters.centred))
    for place in np.flatnonzero(clusters.counts > 1):
        wanted = k or int(clusters.counts[place]) - 1
        size = max(1, HELD // wanted)
        for start in range(int(clusters.starts[place]), int(clusters.starts[place + 1]), size):
            rows = slice(start, min(start + size, int(clusters.starts[place + 1])))
            yield clusters.places[neighbours.of(rows, wanted)] == place
