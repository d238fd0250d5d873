"""SV and OS of Žalik and Žalik (2011): indices for classes of different sizes and densities."""

import math

import numpy as np

from shoal.indices.base import index, quotient
from shoal.indices.checks import Floats
from shoal.indices.clusters import Clusters
from shoal.indices.distances import pieces, squared_exactly_where_near

ZALIK = "Žalik & Žalik (2011)"
HELD = 1 << 23
"""How many distances OS holds at once."""
COLUMNS = 1 << 12
"""How many of them a row has measured at once."""
OVERLAPS = 0.4
"""An item overlaps with other classes where (b - a) / (b + a) is below this."""


def rims(clusters: Clusters) -> Floats:
    """Return the mean distance to the class mean of the outermost tenth of each class (K,), rounded up."""
    found = np.zeros(clusters.k)
    for k in range(clusters.k):
        squares = clusters.squares[clusters.starts[k] : clusters.starts[k + 1]]
        outer = -(-len(squares) // 10)
        found[k] = np.sqrt(np.partition(squares, len(squares) - outer)[len(squares) - outer :]).mean()
    return found


def separation(clusters: Clusters) -> float:
    """Return sum_k min_{l != k} d(mean_k, mean_l)."""
    return float(clusters.nearest_means.sum())


@index("higher", cost="N K", source=ZALIK + ", SV; Arbelaitz et al. (2013)")
def sv_index(clusters: Clusters) -> float:
    """SV = sum_k min_{l != k} d(mean_k, mean_l) / sum_k rim_k, rim the outermost tenth's mean distance.

    Infinite where every class is one point and they differ; 0 where all means coincide.
    """
    return quotient(separation(clusters), rims(clusters).sum(), nothing=0.0)


@index("lower", cost="N²", source=ZALIK + ", OS; overlap as in Arbelaitz et al. (2013)")
def os_index(clusters: Clusters) -> float:
    """OS = sum_i overlap(x_i) / sum_k min_{l != k} d(mean_k, mean_l).

    overlap = a / b where (b - a) / (b + a) < 0.4, else 0; a is the sum of distances to the own class over n,
    b the mean distance to the n nearest items of other classes (all of them where there are fewer).
    Infinite where all means coincide.
    """
    total = sum(_overlap(clusters, k) for k in range(clusters.k))
    return quotient(total, separation(clusters) * clusters.unit, nothing=math.inf)


def _overlap(clusters: Clusters, k: int) -> float:
    members, total = clusters.members(k), 0.0
    start, stop = int(clusters.starts[k]), int(clusters.starts[k + 1])
    near = min(len(members), len(clusters) - len(members))
    # a block of rows against everything
    for rows in pieces(len(members), max(1, HELD // len(clusters))):
        every = np.empty((rows.stop - rows.start, len(clusters)))
        for columns in pieces(len(clusters), COLUMNS):
            every[:, columns] = squared_exactly_where_near(members[rows], clusters.points[columns])
        own = every[:, start:stop]
        own[np.arange(len(own)), np.arange(rows.start, rows.stop)] = 0.0
        a = np.sqrt(own).mean(axis=1)
        own[:] = np.inf
        every.partition(near - 1, axis=1)
        b = np.sqrt(every[:, :near]).mean(axis=1)
        overlaps = b - a < OVERLAPS * (b + a)
        # a stranger on the item itself is as much overlap as a = b
        total += float(np.divide(a, b, out=np.ones_like(a), where=b > 0)[overlaps].sum())
    return total
