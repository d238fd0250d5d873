"""The longest edge of a minimum spanning tree: from near neighbours where that is proof, else by Prim."""

import numpy as np
from numpy.typing import NDArray

from shoal.indices.checks import Floats
from shoal.indices.distances import least_between, pieces

FEW = 700
"""Up to so many members Prim is quicker."""
NEAR = 8
"""How many neighbours of each member the first tree is made of."""
SWAPS = 64
"""After so many shorter edges found Prim takes over."""


def longest_of_tree(members: Floats) -> float:
    """Return the longest edge of the minimum spanning tree of members (n, D), n >= 2, exactly.

    A tree's longest edge parts it in two. If no shorter edge crosses, every spanning tree has an edge as
    long, and it is the answer; if one does, it takes the place of the longest. The first tree is that of
    near neighbours, where what is parted mostly is an item or two.
    """
    if len(members) <= FEW:
        return longest_by_prim(members)
    ends, lengths = _first_tree(members)
    for _ in range(SWAPS):
        at = int(lengths.argmax())
        small = _smaller_part(np.delete(ends, at, axis=0), len(members))
        if small.sum() > max(1, len(members) // 16):
            break
        apart, i, j = least_between(members[small], members[~small])
        if apart >= lengths[at] * (1.0 - 1e-12):
            return float(lengths[at])
        ends[at] = np.flatnonzero(small)[i], np.flatnonzero(~small)[j]
        lengths[at] = apart
    return longest_by_prim(members)


def _first_tree(members: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Return the edges (n - 1, 2) and lengths of the least spanning tree of those to near neighbours."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import minimum_spanning_tree

    from shoal.indices.nearest import Neighbours, Scene

    n = len(members)
    near = Neighbours(Scene(members)).of(slice(0, n), NEAR)
    # the edges to the first member make one piece of what near neighbours leave apart
    one = np.concatenate([np.repeat(np.arange(n), NEAR), np.zeros(n - 1, np.int64)])
    other = np.concatenate([near.ravel(), np.arange(1, n)])
    pairs = np.unique(np.minimum(one, other) * n + np.maximum(one, other))
    ends = np.stack([pairs // n, pairs % n], axis=1)
    lengths = np.empty(len(ends))
    for part in pieces(len(ends), 1 << 12):
        lengths[part] = np.linalg.norm(members[ends[part, 0]] - members[ends[part, 1]], axis=1)
    # by rank, since a weight of 0 counts as no edge
    ranks = np.empty(len(ends))
    ranks[np.argsort(lengths, kind="stable")] = np.arange(1, len(ends) + 1)
    tree = minimum_spanning_tree(csr_matrix((ranks, ends.T), shape=(n, n)))
    by_rank = np.argsort(ranks)[tree.data.astype(np.int64) - 1]
    return ends[by_rank], lengths[by_rank]


def _smaller_part(ends: NDArray[np.int64], n: int) -> NDArray[np.bool_]:
    """Return which of n items lie in the smaller of the two pieces that a tree less an edge leaves."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    graph = csr_matrix((np.ones(len(ends)), ends.T), shape=(n, n))
    _, piece = connected_components(graph, directed=False)
    second: NDArray[np.bool_] = piece == 1
    return second if 2 * second.sum() <= n else ~second


def longest_by_prim(members: Floats) -> float:
    """Return the same by Prim, always in O(n^2) time and O(n) memory."""
    rest = members[1:].copy()
    nearest = np.full(len(rest), np.inf)
    new, longest = members[0], 0.0
    while len(rest):
        away = rest - new
        np.minimum(nearest, np.einsum("nd,nd->n", away, away), out=nearest)
        at = int(nearest.argmin())
        longest = max(longest, float(nearest[at]))
        new = rest[at].copy()
        # the last row takes the place of the one that left
        rest[at], nearest[at] = rest[-1], nearest[-1]
        rest, nearest = rest[:-1], nearest[:-1]
    return float(np.sqrt(longest))
