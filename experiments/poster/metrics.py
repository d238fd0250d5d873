"""The poster's way of judging, step by step as its program does it, and the right way beside it."""

import numpy as np
from numpy.typing import NDArray

from experiments.running import Row
from shoal.clustering import KMeans
from shoal.indices import AGREEMENTS, recall_at_k

Labels = NDArray[np.int64]
RIGHT = ("nmi", "ami", "ari", "purity", "pairwise-f1")


def poster(z: NDArray[np.float32], labels: Labels, *, per_class: int, seed: int) -> Row:
    """Return its "F1" and NMI: k-means that starts from true images, clusters named by their majority.

    The starts are `per_class` images of each true class, chosen with the true labels. Every cluster is then
    called by its commonest class, and both numbers compare those names with the truth: the micro-averaged F1
    of one name an item is the purity.
    """
    from sklearn.cluster import KMeans as Lloyd

    rng = np.random.default_rng(seed)
    first = [rng.permutation(np.flatnonzero(labels == k))[:per_class] for k in np.unique(labels)]
    starts = z[np.concatenate(first)].astype(np.float64)
    found = Lloyd(len(starts), init=starts, n_init=1).fit(z.astype(np.float64)).labels_
    named = majority(labels, found)
    return {
        "f1": round(float((named == labels).mean()), 4),
        "nmi": round(float(AGREEMENTS.load("nmi")(labels, named)), 4),
    }


def right(z: NDArray[np.float32], labels: Labels, *, per_class: int, seed: int) -> Row:
    """Return what the literature reports: k-means++ that knows the number alone, F1 over pairs, R@1."""
    clusters = per_class * len(np.unique(labels))
    found = KMeans(clusters, n_init=5).fit(z, seed=seed).labels
    values = {name: round(float(AGREEMENTS.load(name)(labels, found)), 4) for name in RIGHT}
    return {**values, "recall": round(recall_at_k(z, labels, k=1), 4)}


def majority(labels: Labels, found: Labels) -> Labels:
    """Return for each item the commonest true class (N,) of its cluster in found (N,)."""
    names = {k: np.bincount(labels[found == k]).argmax() for k in np.unique(found)}
    return np.array([names[k] for k in found], dtype=np.int64)
