"""Dunn's index and its generalisations: the gap of the closest classes over the width of the widest."""

import math

import numpy as np

from shoal.indices.base import Index, index, quotient
from shoal.indices.clusters import Clusters
from shoal.indices.distances import closest_strangers, least_mean_linkage, sums_to_means, widest

BEZDEK = "Bezdek & Pal (1998)"


@index("higher", cost="N²", source="Dunn (1973)")
def dunn(clusters: Clusters) -> float:
    """D = least distance of two items of different classes / largest distance of two of one class.

    0 where two classes share a point; infinite where every class is one point and they differ.
    """
    return quotient(closest_strangers(clusters), widest(clusters), nothing=0.0)


def between_centres(clusters: Clusters) -> float:
    """Return delta_4, the least distance of two class means."""
    return float(clusters.nearest_means.min())


def to_foreign_centres(clusters: Clusters) -> float:
    """Return delta_5, the least mean distance of two classes' items to each other's mean."""
    least = math.inf
    for rows, sums, back in sums_to_means(clusters):
        apart = (sums + back) / (clusters.counts[rows, None] + clusters.counts[rows.start :])
        np.fill_diagonal(apart, np.inf)
        least = min(least, float(apart.min()))
    return least


def doubled_radius(clusters: Clusters) -> float:
    """Return Delta_3, twice the largest mean distance to a class mean."""
    return 2.0 * float(clusters.radii.max())


def _generalised(name: str, cost: str) -> Index:
    apart = {"3": least_mean_linkage, "4": between_centres, "5": to_foreign_centres}[name[2]]
    wide = {"1": widest, "3": doubled_radius}[name[3]]

    def compute(clusters: Clusters) -> float:
        return quotient(apart(clusters), wide(clusters), nothing=0.0)

    compute.__name__ = name
    compute.__doc__ = (
        f"{name} = min delta_{name[2]} / max Delta_{name[3]}. {apart.__doc__} {wide.__doc__} "
        "Infinite where every class is one point and they differ."
    )
    return index("higher", cost=cost, source=BEZDEK)(compute)


gd31 = _generalised("gd31", "N n to N²")
gd41 = _generalised("gd41", "N K to N n")
gd51 = _generalised("gd51", "N K to N n")
gd33 = _generalised("gd33", "N n to N²")
gd43 = _generalised("gd43", "N K")
gd53 = _generalised("gd53", "N K")
