"""How two clusterings of the same items compare, and which cluster of one is which of the other."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.arrays import as_labels
from shoal.clustering.base import NOISE, ClusteringError, Labels


def overlap(before: Labels, after: Labels, clusters: int) -> NDArray[np.float64]:
    """Return (K, K): how many items of cluster i before are in cluster j after."""
    counts = np.bincount(before * clusters + after, minlength=clusters**2)
    return counts.reshape(clusters, clusters).astype(np.float64)


def soft_overlap(before: NDArray[np.floating], after: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return (K, K): how much of cluster i in `before` (N, K) is in cluster j of `after` (N, K)."""
    shared: NDArray[np.float64] = (before.T @ after).astype(np.float64)
    return shared


def hungarian(shared: NDArray[np.float64]) -> Labels:
    """Return the old id (K,) of each new cluster, one to one, such that the overlap (K, K) kept is greatest.

    The assignment problem of Kuhn (1955), solved by scipy. Cubic in K at worst.
    """
    from scipy.optimize import linear_sum_assignment

    old, new = linear_sum_assignment(shared, maximize=True)
    names = np.empty(len(shared), np.int64)
    names[new] = old
    return names


def changed(before: Labels, after: Labels) -> float:
    """Return the share of items in another cluster than before, ids taken as they are."""
    return float((before != after).mean())


def nmi(a: Labels, b: Labels) -> float:
    """Return the normalised mutual information of two labellings (N,), items with -1 in either left out.

    Normalised by the arithmetic mean of the entropies, as scikit-learn does.
    """
    from sklearn.metrics import normalized_mutual_info_score

    known = (a != NOISE) & (b != NOISE)
    return float(normalized_mutual_info_score(a[known], b[known])) if known.any() else 0.0


def checked_known(who: str, known: NDArray[Any] | None, items: int) -> Labels | None:
    """Return labels (N,) int64 that are given for the record; raise `ClusteringError` on others."""
    if known is None:
        return None
    try:
        return as_labels(known, items)
    except ValueError as problem:
        raise ClusteringError(f"clustering {who} got as known {problem}") from problem
