"""The nearest neighbours of vectors: exact on small sets, by inverted lists on large ones."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.projectors.checked import Floats
from shoal.types import Progress, Watch

EXACT_BELOW = 30_000
"""From this many items on, neighbours come from inverted lists (recall about .99) instead of all pairs."""
LISTS = 2
"""So many times the root of the number of items are the lists."""
PROBED = 16
"""So many lists are searched for each query."""
BLOCK = 16_384
"""Queries at a time."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """For each query its k nearest items, nearest first: ids (N, k) int32, squared distances (N, k)."""

    ids: NDArray[np.int32]
    squared: Floats


def nearest(vectors: Floats, k: int, *, watch: Watch = lambda _: None) -> Neighbours:
    """Find the k nearest others of each of vectors (N, D); k is lowered to N - 1 where there are fewer.

    `watch` hears how far it is where there are many, and may raise to stop.
    """
    items = len(vectors)
    k = min(k, items - 1)
    if k < 1:
        return Neighbours(np.zeros((items, 0), np.int32), np.zeros((items, 0), np.float32))
    found = nearest_among(vectors, vectors, k + 1, watch=watch)
    itself = found.ids == np.arange(items, dtype=np.int32)[:, None]
    # Among many equal vectors an item may not find itself: then its farthest find is dropped instead.
    itself[~itself.any(axis=1), -1] = True
    return Neighbours(found.ids[~itself].reshape(items, k), found.squared[~itself].reshape(items, k))


def nearest_among(queries: Floats, base: Floats, k: int, *, watch: Watch = lambda _: None) -> Neighbours:
    """Find the k nearest of base (N, D), N > 0, for each of queries (M, D); k is lowered to N.

    `watch` hears how far it is where there are many, and may raise to stop.
    """
    k = min(k, len(base))
    if not len(queries) or not base.shape[1]:
        ids = np.tile(np.arange(k, dtype=np.int32), (len(queries), 1))
        return Neighbours(ids, np.zeros((len(queries), k), np.float32))
    queries, base = np.ascontiguousarray(queries), np.ascontiguousarray(base)
    if len(base) < EXACT_BELOW or len(queries) < len(base) // 20:
        return _among_all(queries, base, k)
    return _by_lists(queries, base, k, watch)


def _among_all(queries: Floats, base: Floats, k: int) -> Neighbours:
    import faiss

    index = faiss.IndexFlatL2(base.shape[1])
    index.add(base)
    squared, ids = index.search(queries, k)
    return Neighbours(ids.astype(np.int32), squared)


def _by_lists(queries: Floats, base: Floats, k: int, watch: Watch) -> Neighbours:
    """Search inverted lists, queries of one list after the other: what they read is still in the cache."""
    index = _lists(base)
    order = np.argsort(index.quantizer.assign(queries, 1)[:, 0], kind="stable")
    found = Neighbours(np.empty((len(queries), k), np.int32), np.empty((len(queries), k), np.float32))
    for start in range(0, len(queries), BLOCK):
        watch(Progress(start, len(queries), "finding neighbours"))
        rows = order[start : start + BLOCK]
        squared, ids = index.search(queries[rows], k)
        short = ids < 0
        if short.any():
            # Lists may hold fewer than k items: the first find stands in for the missing ones.
            ids, squared = np.where(short, ids[:, :1], ids), np.where(short, squared[:, :1], squared)
        found.ids[rows], found.squared[rows] = ids, squared
    return found


def _lists(base: Floats) -> Any:
    import faiss

    items, width = base.shape
    index = faiss.IndexIVFFlat(faiss.IndexFlatL2(width), width, int(LISTS * np.sqrt(items)))
    index.cp.max_points_per_centroid, index.cp.niter, index.nprobe = 64, 8, PROBED
    index.train(base)
    index.add(base)
    return index
