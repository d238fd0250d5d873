"""Indices of means and spreads, all O(NK) or less: Calinski-Harabasz, Davies-Bouldin and their kin."""

import math

import numpy as np

from shoal.indices.base import index, quotient
from shoal.indices.checks import Floats
from shoal.indices.clusters import Clusters


def within(clusters: Clusters) -> float:
    """Return SSW, the sum of squared distances of all items to their class means."""
    return float(clusters.squares.sum())


def between(clusters: Clusters) -> float:
    """Return SSB = sum_k n_k ||mean_k - mean||^2."""
    return float(clusters.counts @ np.square(clusters.from_centre))


@index("higher", cost="N", source="Calinski & Harabasz (1974)")
def calinski_harabasz(clusters: Clusters) -> float:
    """CH = (SSB / (K - 1)) / (SSW / (N - K)).

    Infinite where SSW is 0 and SSB is not (N = K included); 0 where both are 0.
    """
    n, k = len(clusters), clusters.k
    return quotient(between(clusters) / (k - 1), within(clusters) / max(n - k, 1), nothing=0.0)


@index("lower", cost="N K", source="Davies & Bouldin (1979), p = 2, q = 1")
def davies_bouldin(clusters: Clusters) -> float:
    """DB = mean_k max_{l != k} (S_k + S_l) / d(mean_k, mean_l), S the mean distance to the class mean.

    Infinite where two class means coincide (`Clusters.between_means`).
    """
    return worst_pairs(clusters.radii, clusters)


def worst_pairs(widths: Floats, clusters: Clusters) -> float:
    """Return mean_k max_{l != k} (widths_k + widths_l) / d(mean_k, mean_l), of widths (K,).

    Infinite where two class means coincide.
    """
    worst = np.empty(len(widths))
    for rows, apart in clusters.between_means():
        sums = widths[rows, None] + widths
        shares = np.divide(sums, apart, out=np.full_like(apart, math.inf), where=apart > 0)
        worst[rows] = shares.max(axis=1)
    return float(worst.mean())


@index("lower", cost="N K", source="Kim & Ramakrishna (2005)")
def davies_bouldin_star(clusters: Clusters) -> float:
    """DB* = mean_k max_{l != k} (S_k + S_l) / min_{l != k} d(mean_k, mean_l), S as in `davies_bouldin`.

    Infinite where two class means coincide (`Clusters.between_means`).
    """
    largest, second = np.sort(clusters.radii)[::-1][:2]
    is_largest = np.arange(clusters.k) == clusters.radii.argmax()
    widest = clusters.radii + np.where(is_largest, second, largest)
    nearest = clusters.nearest_means
    return float(np.divide(widest, nearest, out=np.full_like(widest, math.inf), where=nearest > 0).mean())


@index("higher", cost="N", source="Saitta, Raphael & Smith (2007)")
def score_function(clusters: Clusters) -> float:
    """SF = 1 - 1 / exp(exp(bcd - wcd)), in [0, 1].

    bcd = sum_k n_k d(mean_k, mean) / (N K), wcd = sum_k S_k, S as in `davies_bouldin`. It depends on the
    scale of the vectors, and saturates: at 1 to double precision once bcd - wcd passes 3.6, at 0 below -37.
    """
    bcd = clusters.counts @ clusters.from_centre / (len(clusters) * clusters.k)
    exponent = min((bcd - clusters.radii.sum()) * clusters.unit, 700.0)
    return -math.expm1(-math.exp(exponent))


@index("lower", cost="N K", source="Xie & Beni (1991), hard partition")
def xie_beni(clusters: Clusters) -> float:
    """XB = SSW / (N min_{k != l} d(mean_k, mean_l)^2).

    Infinite where two class means coincide (`Clusters.between_means`).
    """
    nearest = float(clusters.nearest_means.min()) ** 2
    return quotient(within(clusters) / len(clusters), nearest, nothing=math.inf)


@index("lower", cost="N", source="Zhao, Xu & Fränti (2009)")
def wb_index(clusters: Clusters) -> float:
    """WB = K SSW / SSB. Infinite where all class means coincide."""
    return quotient(clusters.k * within(clusters), between(clusters), nothing=math.inf)
