"""The space in which suggestions are looked for: few dimensions, near neighbours, many small clusters."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.arrays import unit_vectors
from shoal.types import ShoalError

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
WIDE = 64
"""Vectors wider than this are scaled to length one and reduced to so many principal components."""
SAMPLE = 4_000
"""The components are found on so many items, evenly drawn."""
EXACT = 8_000
"""Up to so many items neighbours are looked for exactly, beyond that in the nearest of many cells."""
PER_CLUSTER = 64
"""k-means looks at no more than so many items for each cluster, drawn at random."""


class SuggestionError(ShoalError):
    """Suggestions refuse their input."""


def checked(
    who: str, vectors: NDArray[np.floating], labels: NDArray[np.integer], *others: NDArray[np.generic] | None
) -> Ints:
    """Return labels (N,) as int64; raise `SuggestionError` unless everything has N finite rows."""
    shapes = [np.shape(part) for part in (vectors, labels, *others) if part is not None]
    items = len(vectors)
    if len(shapes[0]) != 2 or any(shape != (items,) for shape in shapes[1:]):
        raise SuggestionError(
            f"{who}() got arrays of shapes {shapes}; it takes vectors (N, D) and (N,) for everything else."
        )
    if not np.isfinite(vectors).all():
        raise SuggestionError(f"{who}() got vectors that are not finite; leave those items out.")
    return np.asarray(labels, np.int64)


def space(vectors: NDArray[np.floating], *, seed: int = 0) -> Floats:
    """Return vectors (N, D) as (N, d) float32, d <= 64, in which Euclidean distances are meant.

    Wide ones (a network's layer) are compared by their cosine; narrow ones (a head's) stay as they are.
    """
    if vectors.shape[1] <= WIDE or len(vectors) <= WIDE:
        return np.ascontiguousarray(vectors, np.float32)
    from sklearn.decomposition import PCA

    chosen = np.random.default_rng(seed).permutation(len(vectors))[:SAMPLE]
    found = PCA(WIDE, svd_solver="randomized", iterated_power=2, random_state=seed).fit(
        unit_vectors(vectors[chosen])
    )
    mean, axes = found.mean_.astype(np.float32), found.components_.T.astype(np.float32)
    reduced = np.empty((len(vectors), WIDE), np.float32)
    for at in range(0, len(vectors), 8192):
        reduced[at : at + 8192] = (unit_vectors(vectors[at : at + 8192]) - mean) @ axes
    return reduced


def nearest(rows: Floats, asked: Floats, k: int) -> tuple[Floats, Ints]:
    """Return the k nearest of rows (N, d) for each of asked (M, d): distances (M, k) and which (M, k).

    A row that is asked for finds itself. Few items are searched exactly; of more, the 8 nearest of about
    2 sqrt(N) cells, where a missing neighbour has the number -1 and infinite distance.
    """
    import faiss

    k = min(k, len(rows))
    exact = faiss.IndexFlatL2(rows.shape[1])
    index: Any = exact
    if len(rows) > EXACT:
        index = faiss.IndexIVFFlat(exact, rows.shape[1], 2 * int(np.sqrt(len(rows))))
        index.cp.max_points_per_centroid, index.cp.niter = PER_CLUSTER, 5
        index.train(rows)
        index.nprobe = 8
    index.add(rows)
    squared, which = index.search(np.ascontiguousarray(asked), k)
    away = np.where(which < 0, np.inf, np.sqrt(np.maximum(squared, 0.0)))
    return away.astype(np.float32), which.astype(np.int64)


def clusters(rows: Floats, number: int, *, seed: int = 0) -> tuple[Ints, Floats]:
    """Return the cluster of each of rows (N, d) and the centres (K, d) that k-means finds, K <= number."""
    import faiss

    number = max(1, min(number, len(rows)))
    means = faiss.Kmeans(
        rows.shape[1],
        number,
        niter=10,
        seed=seed + 1,
        min_points_per_centroid=1,
        max_points_per_centroid=PER_CLUSTER,
    )
    means.train(rows)
    return means.index.search(rows, 1)[1][:, 0].astype(np.int64), np.asarray(means.centroids, np.float32)


def typicality(rows: Floats, neighbours: int = 20) -> Floats:
    """Return how densely each of rows (N, d) is surrounded: one over the mean distance to its neighbours.

    TypiClust (Hacohen et al. 2022, ICML), equation 3, with 20 neighbours or all there are.
    """
    if len(rows) < 2:
        return np.ones(len(rows), np.float32)
    away = nearest(rows, rows, neighbours + 1)[0][:, 1:]
    found = np.isfinite(away)
    mean = np.where(found, away, 0).sum(axis=1) / np.maximum(found.sum(axis=1), 1)
    typical: Floats = (1 / np.maximum(mean, 1e-9)).astype(np.float32)
    return typical
