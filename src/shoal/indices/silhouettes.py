"""The silhouette: exact over all pairs, and its O(NK) relatives over class means."""

import numpy as np

from shoal.indices.base import index
from shoal.indices.checks import Floats, Ints
from shoal.indices.clusters import HELD, Clusters
from shoal.indices.distances import pieces, sums_to_classes

UNSURE = 1e6
"""A square that comes of terms so many times as large has lost six of sixteen digits: rivals may change."""
EUCLIDEAN = "Rousseeuw (1987)"


def compare(own: Floats, other: Floats, clusters: Clusters) -> Floats:
    """Return s = (b - a) / max(a, b) of a = own, b = other (N,); 0 for singletons and a = b = 0."""
    larger = np.maximum(own, other)
    s = np.divide(other - own, larger, out=np.zeros_like(larger), where=larger > 0)
    s[clusters.counts[clusters.places] == 1] = 0.0
    return s


def euclidean_silhouettes(clusters: Clusters) -> Floats:
    """Return each item's silhouette (N,), in the order of `clusters.points`.

    a is the mean distance to the other items of its class, b the least mean distance to another class.
    """
    a, b = np.empty(len(clusters)), np.empty(len(clusters))
    for rows, sums in sums_to_classes(clusters):
        place, line = clusters.places[rows], np.arange(len(sums))
        a[rows] = sums[line, place] / np.maximum(clusters.counts[place] - 1, 1)
        means = sums / clusters.counts
        means[line, place] = np.inf
        b[rows] = means.min(axis=1)
    return compare(a, b, clusters)


def _to_rivals(clusters: Clusters, spreads: Floats) -> Floats:
    """Return each item's least ||x - mean||^2 + spread (N,) to another class, of spreads (K,)."""
    # about the middle of the means: one class far from all others must not take digits from these
    middle = np.median(clusters.means, axis=0)
    means = clusters.means - middle
    lengths = np.einsum("kd,kd->k", means, means)
    # what decides between classes: ||x - mean||^2 + spread without ||x||^2, which is the same for all
    bias = lengths + spreads
    other = np.empty(len(clusters))
    for rows in clusters.blocks():
        x, place = clusters.points[rows] - middle, clusters.places[rows]
        to_class = x @ (-2.0 * means.T)
        to_class += bias
        to_class[np.arange(len(x)), place] = np.inf
        rival = to_class.argmin(axis=1)
        # what was found by dot products is measured again by differences, which keep their digits
        x -= means[rival]
        found = np.einsum("nd,nd->n", x, x)
        found += spreads[rival]
        other[rows] = found
        unsure = np.flatnonzero(clusters.squares[rows] + lengths[place] > UNSURE * found)
        if len(unsure):
            at = rows.start + unsure
            other[at] = _to_rivals_exactly(clusters, spreads, at)
    return other


def _to_rivals_exactly(clusters: Clusters, spreads: Floats, items: Ints) -> Floats:
    """Return the same of some items (M,), every class measured by differences."""
    other = np.empty(len(items))
    for part in pieces(len(items), max(1, HELD // clusters.means.size)):
        at = items[part]
        rest = clusters.points[at, None] - clusters.means
        to_class = np.einsum("nkd,nkd->nk", rest, rest) + spreads
        to_class[np.arange(len(at)), clusters.places[at]] = np.inf
        other[part] = to_class.min(axis=1)
    return other


def mean_silhouettes(clusters: Clusters, *, squared: bool) -> Floats:
    """Return each item's silhouette (N,) through class means.

    squared: mean squared distances, by mean_j ||x - x_j||^2 = ||x - mean||^2 + spread, exactly.
    Otherwise a and b are the distances to the class means.
    """
    spreads = clusters.spreads if squared else np.zeros(clusters.k)
    other = _to_rivals(clusters, spreads)
    if not squared:
        return compare(np.sqrt(clusters.squares), np.sqrt(other), clusters)
    counts = clusters.counts[clusters.places]
    own = (clusters.squares + spreads[clusters.places]) * counts / np.maximum(counts - 1, 1)
    return compare(own, other, clusters)


@index("higher", cost="N²", source=EUCLIDEAN)
def silhouette(clusters: Clusters) -> float:
    """Return the mean silhouette of all items by Euclidean distance, in [-1, 1]; a singleton's is 0.

    Equal to scikit-learn's `silhouette_score`.
    """
    return float(euclidean_silhouettes(clusters).mean())


@index("higher", cost="N²", source=EUCLIDEAN + "; Pavlopoulos, Vardakas & Likas (2024), macro-average")
def silhouette_macro(clusters: Clusters) -> float:
    """Return the mean over classes of the mean silhouette in each: a small class counts as a large one."""
    return float((clusters.per_class(euclidean_silhouettes(clusters)) / clusters.counts).mean())


@index("higher", cost="N K", source=EUCLIDEAN + " of squared distances; the identity of means is textbook")
def silhouette_squared(clusters: Clusters) -> float:
    """Return the mean silhouette by squared Euclidean distance, exactly, without a pair being compared.

    Its value differs from `silhouette`: never put the two in one column. Equal to scikit-learn's
    `silhouette_score(metric="sqeuclidean")`.
    """
    return float(mean_silhouettes(clusters, squared=True).mean())


@index("higher", cost="N K", source="Hruschka, de Castro & Campello (2004), simplified silhouette")
def silhouette_simplified(clusters: Clusters) -> float:
    """Return the mean silhouette with distances to class means in the place of mean distances."""
    return float(mean_silhouettes(clusters, squared=False).mean())
