"""How strongly neighbours attract: the symmetric affinities of t-SNE, on the edges of the neighbour graph."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from shoal.projectors.checked import Floats
from shoal.projectors.neighbours import Neighbours


@dataclass(frozen=True, slots=True)
class Graph:
    """The undirected edges, each once, as the upper triangle of a matrix (N, N) whose entries sum to 1/2.

    `columns` (E,) are the edges' far ends, `degrees` (N,) how many edges each row holds.
    """

    upper: sparse.csr_matrix
    columns: NDArray[np.intp]
    degrees: NDArray[np.intp]

    def apart(self, points: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """Return the way (E,) along each edge between points (N,), x + iy: one gather instead of two."""
        return np.repeat(points, self.degrees) - points.take(self.columns)

    def weighted(self, values: Floats) -> sparse.csr_matrix:
        """Return the upper triangle (N, N) with `values` (E,) on the edges."""
        return sparse.csr_matrix((values, self.upper.indices, self.upper.indptr), shape=self.upper.shape)


def affinities(neighbours: Neighbours, perplexity: float) -> Graph:
    """Build t-SNE's graph: each item spreads its weight over its k >= 1 neighbours; both ways are averaged.

    The Gaussian of each item has the given perplexity, at most 0.9 k.
    """
    items, k = neighbours.ids.shape
    shares = _shares(neighbours.squared.astype(np.float64), max(1.0, min(perplexity, 0.9 * k)))
    starts = np.arange(0, items * k + 1, k)
    directed = sparse.csr_matrix((shares.ravel(), neighbours.ids.ravel(), starts), shape=(items, items))
    upper = sparse.triu(directed + directed.T, 1).tocsr()
    upper.sort_indices()
    upper.data = (upper.data / (2 * items)).astype(np.float32)
    return Graph(upper, upper.indices.astype(np.intp), np.diff(upper.indptr).astype(np.intp))


def _shares(squared: NDArray[np.float64], perplexity: float) -> NDArray[np.float64]:
    # Bisection for the precision at which each row's entropy is log(perplexity).
    away = squared - squared[:, :1]
    mean = away.mean(axis=1)
    precision = 1 / np.where(mean > 0, mean, 1.0)
    low, high = np.zeros_like(precision), np.full_like(precision, np.inf)
    for _ in range(32):
        entropy = _entropy(away, precision)
        too_flat = entropy > np.log(perplexity)
        low, high = np.where(too_flat, precision, low), np.where(too_flat, high, precision)
        precision = np.where(np.isinf(high), precision * 2, (low + np.minimum(high, 1e300)) / 2)
    weight = np.exp(-away * precision[:, None])
    shares: NDArray[np.float64] = weight / weight.sum(axis=1, keepdims=True)
    return shares


def _entropy(away: NDArray[np.float64], precision: NDArray[np.float64]) -> NDArray[np.float64]:
    weight = np.exp(-away * precision[:, None])
    total = weight.sum(axis=1)
    entropy: NDArray[np.float64] = np.log(total) + precision * (away * weight).sum(axis=1) / total
    return entropy
