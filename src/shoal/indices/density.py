"""Indices of density: S_Dbw and DBCV."""

import math

import numpy as np
from numpy.typing import NDArray

from shoal.indices.base import index, quotient
from shoal.indices.checks import Floats, Ints
from shoal.indices.clusters import Clusters
from shoal.indices.distances import class_blocks, pieces

BLOCK = 1 << 22
"""How many distances DBCV holds at once."""
COUNTED = 1 << 16
"""How many distances S_Dbw holds at once: 512 KiB, which stay in the cache."""
CACHED = 1 << 16
"""How many it raises to a power at once: 512 KiB, which stay in the cache."""


@index("lower", cost="N K", source="Halkidi & Vazirgiannis (2001)")
def s_dbw(clusters: Clusters) -> float:
    """S_Dbw = Scat + Dens_bw.

    Scat = mean_k ||var_k|| / ||var||, of the variances (D,) of each class and of all items. Dens_bw is the
    mean over pairs k != l of density(midpoint) / max(density(mean_k), density(mean_l)), a density being the
    number of items of k and l no farther than stdev = sqrt(sum_k ||var_k||) / K; a denominator of 0 counts
    as 1. Infinite where all items are equal.
    """
    variances = np.empty_like(clusters.means)
    for k in range(clusters.k):
        variances[k] = np.square(clusters.members(k) - clusters.means[k]).mean(axis=0)
    norms = np.linalg.norm(variances, axis=1)
    whole = np.einsum("nd,nd->d", clusters.points, clusters.points) / len(clusters)
    near = norms.sum() / clusters.k**2
    density = _density_between(clusters, near) / (clusters.k * (clusters.k - 1))
    return quotient(norms.mean(), np.linalg.norm(whole), nothing=math.inf) + density


def _density_between(clusters: Clusters, near: float) -> float:
    """Return Dens_bw's sum over ordered pairs of classes; near is the squared distance that counts."""
    blocks, total = list(class_blocks(clusters.k)), 0.0
    own = np.zeros(clusters.k, dtype=np.int64)
    for k in range(blocks[0].stop, clusters.k):  # needed before their own block is counted
        own[k] = _counts_near(clusters.members(k), clusters.means[[k]], near)[0]
    for rows in blocks:
        later, inside = slice(rows.start, clusters.k), rows.stop - rows.start
        counts = np.array([_counts_of(clusters, k, later, near) for k in range(rows.start, rows.stop)])
        own[rows] = np.diagonal(counts[:, 0, :inside])
        back = np.empty_like(counts)
        back[:, :, :inside] = counts[:, :, :inside].transpose(2, 1, 0)
        for k in range(rows.stop, clusters.k):
            back[:, :, k - rows.start] = _counts_of(clusters, k, rows, near).T
        # the items of k and l around the mean of k (rows), and of l (columns)
        around = np.maximum(own[rows, None] + back[:, 0], own[later] + counts[:, 0])
        between = (counts[:, 1] + back[:, 1]) / np.maximum(around, 1)
        np.fill_diagonal(between, 0.0)
        total += float(between[:, :inside].sum()) + 2.0 * float(between[:, inside:].sum())
    return total


def _counts_of(clusters: Clusters, k: int, others: slice, near: float) -> Ints:
    """Count the items of class k near the means of some classes, and near the middles between (2, L)."""
    members, means = clusters.members(k), clusters.means[others]
    middles = (means + clusters.means[k]) / 2.0
    return np.array([_counts_near(members, places, near) for places in (means, middles)])


def _counts_near(members: Floats, places: Floats, near: float) -> Ints:
    """Count the members (n, D) within squared distance `near` of each place (L,)."""
    from scipy.spatial.distance import cdist

    counts = np.zeros(len(places), dtype=np.int64)
    for rows in pieces(len(members), max(1, COUNTED // len(places))):
        counts += (cdist(members[rows], places, "sqeuclidean") <= near).sum(axis=0)
    return counts


@index("higher", cost="N²", source="Moulavi et al. (2014)")
def dbcv(clusters: Clusters) -> float:
    """DBCV = sum_k n_k / N V_k, V_k = (separation_k - sparseness_k) / max of the two, in [-1, 1].

    Over mutual reachability distances: sparseness is the longest edge between inner nodes of the class's
    minimum spanning tree (of all edges where there is none), separation the least distance of inner nodes to
    those of another class. Equal edges are ordered by plain distance, so that the order of items does not
    matter; the paper leaves it open, and other orders give quite other values. Distances are Euclidean as in
    the paper; its authors' program squares them. V is 0 for a singleton, which counts as noise, and where
    there is no other class of two. N counts labelled items: the paper's value, which counts noise, is this
    times the labelled share.
    """
    kept = np.flatnonzero(clusters.counts > 1)
    trees = [_Tree(clusters.members(int(k))) for k in kept]
    if len(trees) < 2:
        return 0.0
    apart = _separations(trees)
    sparse = np.array([tree.sparseness for tree in trees])
    larger = np.maximum(apart, sparse)
    validity = np.divide(apart - sparse, larger, out=np.zeros_like(larger), where=larger > 0)
    return float(clusters.counts[kept] @ validity / len(clusters))


class _Tree:
    """The spanning tree of one class by mutual reachability: its inner nodes and longest inner edge."""

    def __init__(self, members: Floats) -> None:
        core = _core_distances(members)
        ends, lengths = _spanning_tree(members, core)
        inner = np.bincount(ends.ravel(), minlength=len(members)) > 1
        edges = inner[ends].all(axis=1)
        self.sparseness = float(lengths[edges].max() if edges.any() else lengths.max())
        nodes = inner if inner.any() else np.ones(len(members), dtype=bool)
        self.points, self.core = members[nodes], core[nodes]


def _core_distances(members: Floats) -> Floats:
    """Return (mean_{j != i} d_ij^-D)^(-1/D) for each of members (n, D), n >= 2; 0 for a duplicate."""
    from scipy.spatial.distance import cdist

    n, width = members.shape
    found = np.zeros(n)
    for rows in pieces(n, max(1, CACHED // n)):
        squares = cdist(members[rows], members, "sqeuclidean")
        squares[np.arange(len(squares)), np.arange(rows.start, rows.stop)] = np.inf
        # relative to the nearest, so that no power overflows
        least = squares.min(axis=1)
        apart = least > 0.0
        ratios = least[apart, None] / squares[apart]
        means = _half_powers(ratios, width).sum(axis=1) / (n - 1)
        found[rows.start + np.flatnonzero(apart)] = np.sqrt(least[apart]) * means ** (-1.0 / width)
    return found


def _half_powers(base: Floats, exponent: int) -> Floats:
    """Return base to the exponent / 2, by products: many times quicker than logarithms."""
    result = np.sqrt(base) if exponent % 2 else np.ones_like(base)
    rest = exponent // 2
    while rest:
        if rest % 2:
            result *= base
        rest //= 2
        if rest:
            base = base * base
    return result


def _spanning_tree(members: Floats, core: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Return the edges (n - 1, 2) and their lengths (n - 1,), by Prim, in O(n) memory."""
    n = len(members)
    rest = np.arange(1, n)
    reach, plain, parent = np.full(n, np.inf), np.full(n, np.inf), np.zeros(n, dtype=np.int64)
    ends, lengths, new = np.empty((n - 1, 2), dtype=np.int64), np.empty(n - 1), 0
    for edge in range(n - 1):
        away = np.linalg.norm(members[rest] - members[new], axis=1)
        mutual = np.maximum(np.maximum(away, core[new]), core[rest])
        nearer = (mutual < reach[rest]) | ((mutual == reach[rest]) & (away < plain[rest]))
        moved = rest[nearer]
        reach[moved], plain[moved], parent[moved] = mutual[nearer], away[nearer], new
        equal = np.flatnonzero(reach[rest] == reach[rest].min())
        at = equal[plain[rest[equal]].argmin()]
        new = int(rest[at])
        ends[edge], lengths[edge] = (parent[new], new), reach[new]
        rest = np.delete(rest, at)
    return ends, lengths


def _separations(trees: list[_Tree]) -> Floats:
    """Return each class's least mutual reachability distance to another class, over inner nodes (K,)."""
    from scipy.spatial.distance import cdist

    apart = np.full(len(trees), np.inf)
    starts = np.concatenate([[0], np.cumsum([len(tree.core) for tree in trees])])
    points, core = np.concatenate([t.points for t in trees]), np.concatenate([t.core for t in trees])
    for k, tree in enumerate(trees[:-1]):
        others, other_core = points[starts[k + 1] :], core[starts[k + 1] :]
        least = np.full(len(others), np.inf)
        for rows in pieces(len(tree.core), max(1, BLOCK // len(others))):
            mutual = np.maximum(cdist(tree.points[rows], others), tree.core[rows, None])
            np.minimum(least, np.maximum(mutual, other_core).min(axis=0), out=least)
        found = np.minimum.reduceat(least, starts[k + 1 : -1] - starts[k + 1])
        apart[k] = min(apart[k], found.min())
        apart[k + 1 :] = np.minimum(apart[k + 1 :], found)
    return apart
