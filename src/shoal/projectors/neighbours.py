"""The nearest neighbours of vectors: exact on small sets, by inverted lists on large ones."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.projectors.checked import Floats

EXACT_BELOW = 30_000
"""From this many items on, neighbours come from inverted lists (recall about .99) instead of all pairs."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """For each query its k nearest items, nearest first: ids (N, k) int32, squared distances (N, k)."""

    ids: NDArray[np.int32]
    squared: Floats


def nearest(vectors: Floats, k: int) -> Neighbours:
    """Find the k nearest others of each of vectors (N, D); k is lowered to N - 1 where there are fewer."""
    items = len(vectors)
    k = min(k, items - 1)
    if k < 1:
        return Neighbours(np.zeros((items, 0), np.int32), np.zeros((items, 0), np.float32))
    found = nearest_among(vectors, vectors, k + 1)
    itself = found.ids == np.arange(items, dtype=np.int32)[:, None]
    # Among many equal vectors an item may not find itself: then its farthest find is dropped instead.
    itself[~itself.any(axis=1), -1] = True
    return Neighbours(found.ids[~itself].reshape(items, k), found.squared[~itself].reshape(items, k))


def nearest_among(queries: Floats, base: Floats, k: int) -> Neighbours:
    """Find the k nearest of base (N, D), N > 0, for each of queries (M, D); k is lowered to N."""
    k = min(k, len(base))
    if not len(queries) or not base.shape[1]:
        ids = np.tile(np.arange(k, dtype=np.int32), (len(queries), 1))
        return Neighbours(ids, np.zeros((len(queries), k), np.float32))
    squared, ids = _index(np.ascontiguousarray(base), len(queries)).search(np.ascontiguousarray(queries), k)
    short = ids < 0
    if short.any():
        # Inverted lists may hold fewer than k items: the first find stands in for the missing ones.
        ids, squared = np.where(short, ids[:, :1], ids), np.where(short, squared[:, :1], squared)
    return Neighbours(ids.astype(np.int32), squared)


def _index(base: Floats, queries: int) -> Any:
    import faiss

    items, width = base.shape
    flat = faiss.IndexFlatL2(width)
    if items < EXACT_BELOW or queries < items // 20:
        flat.add(base)
        return flat
    index = faiss.IndexIVFFlat(flat, width, int(2 * np.sqrt(items)))
    index.cp.max_points_per_centroid, index.cp.niter = 64, 8
    index.train(base)
    index.add(base)
    index.nprobe = 16
    return index
