"""The negentropy increment: how much nearer to a normal distribution the classes are than the whole."""

import numpy as np

from shoal.indices.base import index
from shoal.indices.checks import Floats, row_blocks
from shoal.indices.clusters import Clusters

FLAT = 1e-10
"""A direction with less than this share of the widest variance of all items counts as having that much."""


@index("lower", cost="N D", source="Lago-Fernández & Corbacho (2010)")
def negentropy_increment(clusters: Clusters) -> float:
    """NI = 1/2 sum_k p_k log|C_k| - 1/2 log|C| - sum_k p_k log p_k.

    C are the covariances (over n - 1) and p_k = n_k / N. A class with no more items than dimensions has a
    singular covariance and log 0; variances are therefore taken as at least 1e-10 of the widest of all
    items. 0 where all items are equal.
    """
    share = clusters.counts / len(clusters)
    entropy = -float(share @ np.log(share))
    whole = _variances(clusters.points, np.zeros(clusters.points.shape[1]))
    floor = FLAT * whole.max()
    if floor == 0.0:
        return 0.0
    inside = np.array([_log_determinant(clusters, k, floor) for k in range(clusters.k)])
    return 0.5 * float(share @ inside) - 0.5 * float(np.log(np.maximum(whole, floor)).sum()) + entropy


def _log_determinant(clusters: Clusters, k: int, floor: float) -> float:
    variances = _variances(clusters.members(k), clusters.means[k])
    return float(np.log(np.maximum(variances, floor)).sum())


def _variances(points: Floats, mean: Floats) -> Floats:
    """Return the variances along the principal axes (D,), 0 where there are too few points (n, D)."""
    scatter = np.zeros((len(mean), len(mean)))
    for rows in row_blocks(points):
        rest = points[rows] - mean
        scatter += rest.T @ rest
    variances = np.linalg.eigvalsh(scatter / max(len(points) - 1, 1))
    floored: Floats = np.maximum(variances, 0.0).astype(np.float64)
    return floored
