"""One layer's vectors made searchable: centred, of unit length, compared by their cosine."""

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.arrays import unit_vectors
from shoal.types import ShoalError

NEIGHBOURS = 15
"""How many nearest others of every item are kept."""
EXACT_BELOW = 30_000
"""So many vectors are compared with each other one by one; more are looked up in an inverted file."""
REDUCED_FROM = 10_000
WIDTH = 128
"""From so many vectors on, wider ones are brought to this width: 100,000 x 1,280 would be 512 MB."""
SAMPLE = 20_000
BLOCK = 4_096
PROBES = 32

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


class Space:
    """Items as directions from the middle of all: two are alike as far as their directions agree.

    `ids` (N,) ascend; a row number means the item `ids[row]`. Below 30,000 items neighbours are exact,
    beyond that 32 of the inverted file's lists are looked through. Raises `ShoalError` for fewer than two
    vectors.
    """

    def __init__(self, vectors: NDArray[np.floating], ids: Rows, *, exact_below: int = EXACT_BELOW) -> None:
        if len(vectors) < 2:
            raise ShoalError(f"a space to find in needs two items at least, not {len(vectors)}.")
        self.ids = ids
        self.unit = _directions(vectors)
        self._index = None if len(ids) < exact_below else _inverted_file(self.unit)
        self._graph: tuple[Rows, Floats] | None = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.ids)

    def rows_of(self, ids: NDArray[np.integer]) -> Rows:
        """Return the rows of those of `ids` that are in this space, sorted."""
        rows: Rows = np.flatnonzero(np.isin(self.ids, ids))
        return rows

    def search(self, queries: Floats, count: int) -> tuple[Floats, Rows]:
        """Return the cosines (Q, count) and rows of what is most alike to each direction, best first.

        Where an inverted file finds fewer, the rest are rows -1.
        """
        import faiss

        count = min(count, len(self))
        if self._index is not None:
            found: tuple[Floats, Rows] = self._index.search(np.ascontiguousarray(queries), count)
            return found
        cosines, rows = faiss.knn(
            np.ascontiguousarray(queries), self.unit, count, metric=faiss.METRIC_INNER_PRODUCT
        )
        return cosines, rows.astype(np.int64)

    def graph(self) -> tuple[Rows, Floats]:
        """Return every item's nearest others, rows (N, K) and cosines (N, K), best first; made once."""
        with self._lock:
            if self._graph is None:
                self._graph = nearest_others(self, min(NEIGHBOURS, len(self) - 1))
            return self._graph

    def similar(self, rows: Rows, count: int, *, how: str = "mean") -> tuple[Rows, Floats]:
        """Return up to `count` other rows most alike to `rows`, and their cosines, best first.

        "mean" compares with the middle of `rows`; "max" with each of them (with a sample of 256 when there
        are more), so that every kind of thing in a mixed selection finds its own.
        """
        if how == "mean":
            queries = unit_vectors(self.unit[rows].mean(axis=0, keepdims=True))
        else:
            queries = self.unit[rows[np.linspace(0, len(rows) - 1, min(len(rows), 256)).astype(int)]]
        # What was asked with is found first and does not count.
        depth = min(len(self), count + len(rows)) if how == "mean" else min(len(self), count + 64)
        cosines, found = self.search(queries, depth)
        best = np.full(len(self), -np.inf, dtype=np.float32)
        np.maximum.at(best, found[found >= 0], cosines[found >= 0])
        best[rows] = -np.inf
        order: Rows = np.argsort(-best, kind="stable")[:count]
        order = order[np.isfinite(best[order])]
        return order, best[order]


def nearest_others(space: Space, count: int) -> tuple[Rows, Floats]:
    """Return each row's `count` nearest other rows (N, count) and cosines, searched block by block."""
    rows = np.empty((len(space), count), dtype=np.int64)
    cosines = np.empty((len(space), count), dtype=np.float32)
    for start in range(0, len(space), BLOCK):
        block = slice(start, min(start + BLOCK, len(space)))
        near, found = space.search(space.unit[block], count + 1)
        own = found == np.arange(block.start, block.stop)[:, None]
        own[~own.any(axis=1), -1] = True  # among duplicates it may be missing
        rows[block] = found[~own].reshape(-1, count)
        cosines[block] = near[~own].reshape(-1, count)
    # A list that was looked through to its end names nobody: the row itself stands in, alike to no one.
    missing = rows < 0
    rows[missing] = np.nonzero(missing)[0]
    cosines[missing] = -1.0
    return rows, cosines


def _directions(vectors: NDArray[np.floating]) -> Floats:
    """Centre (N, D), bring wide ones of many items to 128 columns by PCA of a sample, scale to length 1."""
    n, width = vectors.shape
    sample = vectors[:: max(1, n // SAMPLE)][:SAMPLE].astype(np.float32)
    middle = sample.mean(axis=0)
    axes = None
    if n >= REDUCED_FROM and width > WIDTH:
        sample -= middle
        axes = np.linalg.eigh(sample.T @ sample)[1][:, -WIDTH:].astype(np.float32)
    del sample
    unit = np.empty((n, width if axes is None else WIDTH), dtype=np.float32)
    for start in range(0, n, BLOCK):
        block = vectors[start : start + BLOCK].astype(np.float32) - middle
        unit[start : start + BLOCK] = unit_vectors(block if axes is None else block @ axes)
    return unit


def _inverted_file(unit: Floats) -> Any:
    import faiss

    n, width = unit.shape
    lists = max(1, int(4 * np.sqrt(n)))
    quantizer = faiss.IndexFlatIP(width)
    index = faiss.IndexIVFFlat(quantizer, width, lists, faiss.METRIC_INNER_PRODUCT)
    index.cp.seed = 0
    index.cp.niter = 8
    index.train(unit[:: max(1, n // (50 * lists))])
    index.add(unit)
    index.nprobe = min(PROBES, lists)
    return index
