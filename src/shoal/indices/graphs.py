"""Dunn's and Davies and Bouldin's index with the longest edge of a graph as the width of a class.

Pal and Biswas (1997): the minimum spanning tree (MST), the relative neighbourhood graph (RNG) and the
Gabriel graph (GG) of each class's items; distances between classes are those of their means. An edge belongs
to the RNG where no third item is nearer to both ends than they are to each other, and to the GG where none
lies inside the ball that has the edge as its diameter: MST <= RNG <= GG.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shoal.indices.base import Index, index, quotient
from shoal.indices.checks import Floats
from shoal.indices.clusters import Clusters
from shoal.indices.distances import pieces, squared
from shoal.indices.spanning import longest_of_tree
from shoal.indices.variance import worst_pairs

Places = NDArray[np.integer]
Graph = Literal["mst", "rng", "gg"]
WITNESSES = 32
"""How many third items are tried on every pair before the survivors are tried on all."""
TOLERANCE = 1.0 - 1e-12
"""A third item on the boundary (a corner of a square, say) does not count, whatever the rounding."""


def longest_edges(clusters: Clusters, graph: Graph) -> Floats:
    """Return the length of the longest edge of each class's graph (K,); 0 for a singleton."""
    return np.array([longest_edge(clusters.members(k), graph) for k in range(clusters.k)])


def longest_edge(members: Floats, graph: Graph) -> float:
    """Return the length of the longest edge of the graph of members (n, D)."""
    if len(members) < 2:
        return 0.0
    members = members - members[0]
    longest = longest_of_tree(members)
    return longest if graph == "mst" else _longest_of_neighbours(members, graph, longest)


def _longest_of_neighbours(members: Floats, graph: Graph, known: float) -> float:
    """Return the longest edge of the RNG or GG; `known` is the tree's, which is an edge of both."""
    best = known**2 * (1.0 + 1e-12)
    order = np.argsort(np.square(members - members.mean(axis=0)).sum(axis=1))
    witnesses = members[order[:WITNESSES]]
    for rows in pieces(len(members)):
        squares = squared(members[rows], members)
        alive = np.triu(squares > best, k=1 + rows.start)
        for to_rows, to_all in zip(
            squared(witnesses, members[rows]), squared(witnesses, members), strict=True
        ):
            alive &= ~_inside(to_rows[:, None], to_all[None, :], squares, graph)
        i, j = np.nonzero(alive)
        longest_first = np.argsort(-squares[i, j])
        i, j = i[longest_first], j[longest_first]
        best = max(best, _first_edge(members, squares, i, j, graph))
    return float(np.sqrt(best)) if best > known**2 * (1.0 + 1e-12) else known


def _first_edge(members: Floats, squares: Floats, i: Places, j: Places, graph: Graph) -> float:
    """Return the squared length of the first pair (i, j) that is an edge, 0 where none is."""
    size = 8
    while len(i):
        to_i, to_j = squares[i[:size]], squared(members[j[:size]], members)
        lengths = squares[i[:size], j[:size]]
        edges = ~_inside(to_i, to_j, lengths[:, None], graph).any(axis=1)
        if edges.any():
            return float(lengths[edges.argmax()])
        i, j, size = i[size:], j[size:], min(2 * size, 256)
    return 0.0


def _inside(to_one: Floats, to_other: Floats, apart: Floats, graph: Graph) -> NDArray[np.bool_]:
    """Return whether a third item spoils the edge, from squared distances to its ends and between them."""
    together = np.maximum(to_one, to_other) if graph == "rng" else to_one + to_other
    spoilt: NDArray[np.bool_] = together < apart * TOLERANCE
    return spoilt


def _dunn(graph: Graph) -> Callable[[Clusters], float]:
    def compute(clusters: Clusters) -> float:
        apart, wide = clusters.nearest_means.min(), longest_edges(clusters, graph).max()
        return quotient(apart, wide, nothing=0.0)

    return compute


def _davies_bouldin(graph: Graph) -> Callable[[Clusters], float]:
    def compute(clusters: Clusters) -> float:
        return worst_pairs(longest_edges(clusters, graph), clusters)

    return compute


NAMES = {"mst": "minimum spanning tree", "rng": "relative neighbourhood graph", "gg": "Gabriel graph"}


def _graph_index(kind: Literal["dunn", "db"], graph: Graph) -> Index:
    cost = "N n" if graph == "mst" else "N n to N n²"
    compute = _dunn(graph) if kind == "dunn" else _davies_bouldin(graph)
    compute.__name__ = f"{kind}_{graph}"
    formula = (
        "min_{k != l} d(mean_k, mean_l) / max_k e_k; infinite where all e are 0 and the means differ"
        if kind == "dunn"
        else "mean_k max_{l != k} (e_k + e_l) / d(mean_k, mean_l); infinite where two means coincide"
    )
    compute.__doc__ = f"{formula}. e_k is the longest edge of the {NAMES[graph]} of class k."
    direction = "higher" if kind == "dunn" else "lower"
    return index(direction, cost=cost, source="Pal & Biswas (1997)")(compute)


dunn_mst = _graph_index("dunn", "mst")
dunn_rng = _graph_index("dunn", "rng")
dunn_gg = _graph_index("dunn", "gg")
db_mst = _graph_index("db", "mst")
db_rng = _graph_index("db", "rng")
db_gg = _graph_index("db", "gg")
