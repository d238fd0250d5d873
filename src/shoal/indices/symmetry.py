"""Indices of point symmetry: whether each class looks the same from both sides of its mean.

The symmetry distance of item x to its class k is the mean distance of its mirror image 2 mean_k - x to the
two nearest items of the class, d_sym of Bandyopadhyay and Saha (2008). As in Arbelaitz et al. (2013)
it is not multiplied by d(x, mean_k), which their original d_ps does: the indices then ignore scale.
"""

import numpy as np

from shoal.indices.base import index, quotient
from shoal.indices.checks import Floats
from shoal.indices.clusters import Clusters
from shoal.indices.distances import closest_strangers, least_mean_linkage
from shoal.indices.variance import worst_pairs

SAHA = "Saha & Bandyopadhyay (2009)"


def symmetry_distances(clusters: Clusters) -> Floats:
    """Return each item's symmetry distance to its class (N,); 0 for a singleton."""
    from sklearn.neighbors import NearestNeighbors

    found = np.zeros(len(clusters))
    for k in range(clusters.k):
        members = clusters.members(k)
        if len(members) < 2:
            continue
        around = members - clusters.means[k]
        nearest = NearestNeighbors(n_neighbors=2).fit(around).kneighbors(-around, return_distance=False)
        # distances by differences, lest an exact mirror image be off by rounding
        away = np.linalg.norm(around[nearest] + around[:, None], axis=2)
        found[clusters.starts[k] : clusters.starts[k + 1]] = away.mean(axis=1)
    return found


@index("higher", cost="N n (N log n for D < 16)", source="Bandyopadhyay & Saha (2008)")
def sym(clusters: Clusters) -> float:
    """Sym = max_{k, l} d(mean_k, mean_l) / (K sum_i d_sym(x_i)).

    Infinite where every class is its own mirror image; 0 where all means coincide.
    """
    apart = max(row[np.isfinite(row)].max() for _, row in clusters.between_means())
    return quotient(apart, clusters.k * symmetry_distances(clusters).sum(), nothing=0.0)


@index("lower", cost="N n (N log n for D < 16)", source=SAHA + ", Sym-DB")
def sym_db(clusters: Clusters) -> float:
    """SymDB = `davies_bouldin` with S_k the mean symmetry distance. Infinite where two means coincide."""
    widths = clusters.per_class(symmetry_distances(clusters)) / clusters.counts
    return worst_pairs(widths, clusters)


@index("higher", cost="N²", source=SAHA + ", Sym-Dunn")
def sym_dunn(clusters: Clusters) -> float:
    """SymD = `dunn` with the largest symmetry distance in the place of the largest diameter."""
    return quotient(closest_strangers(clusters), symmetry_distances(clusters).max(), nothing=0.0)


@index("higher", cost="N n to N²", source=SAHA + ", Sym-GDunn; Arbelaitz et al. (2013), Sym33")
def sym_33(clusters: Clusters) -> float:
    """Sym33 = `gd33` with the symmetry distance in the place of the distance to the class mean."""
    widths = clusters.per_class(symmetry_distances(clusters)) / clusters.counts
    return quotient(least_mean_linkage(clusters), 2.0 * widths.max(), nothing=0.0)
