"""CS and COP: indices of the farthest items."""

import math

import numpy as np

from shoal.indices.base import index, quotient
from shoal.indices.clusters import Clusters, squares_about
from shoal.indices.distances import farthest


@index("lower", cost="N K to N n", source="Chou, Su & Lai (2004)")
def cs_index(clusters: Clusters) -> float:
    """CS = sum_k mean_{x in k} max_{y in k} d(x, y) / sum_k min_{l != k} d(mean_k, mean_l).

    Infinite where all means coincide.
    """
    wide = sum(float(farthest(clusters.members(k), clusters.members(k)).mean()) for k in range(clusters.k))
    return quotient(wide, clusters.nearest_means.sum(), nothing=math.inf)


@index("lower", cost="N K to N²", source="Gurrutxaga et al. (2010)")
def cop_index(clusters: Clusters) -> float:
    """COP = 1/N sum_k n_k S_k / min_{x not in k} max_{y in k} d(x, y), S_k the mean distance to the mean.

    Infinite where all items of a class and one of another lie in one point.
    """
    total = 0.0
    for k in range(clusters.k):
        radius, apart = float(clusters.radii[k]), _nearest_stranger(clusters, k)
        total += clusters.counts[k] * quotient(radius, apart, nothing=math.inf)
    return total / len(clusters)


def _nearest_stranger(clusters: Clusters, k: int) -> float:
    """Return min over the items of other classes of the distance to the farthest item of class k.

    The farthest item is at least as far as the root mean square, sqrt(d(x, mean_k)^2 + spread_k): nearest
    strangers first, the search ends when even that is above the best.
    """
    members = clusters.members(k)
    squares = squares_about(clusters.points, clusters.means[k])
    squares[clusters.starts[k] : clusters.starts[k + 1]] = np.inf
    best, done, size = math.inf, 0, 32
    order = np.argsort(squares)[: len(squares) - len(members)]
    while done < len(order) and squares[order[done]] + clusters.spreads[k] < best**2:
        best = min(best, float(farthest(clusters.points[order[done : done + size]], members).min()))
        done, size = done + size, min(2 * size, 4096)
    return best
