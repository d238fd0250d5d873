"""How well found classes agree with true ones: external metrics of two labellings of the same items.

`metric(truth, found) -> float`, both (N,) int; an item that is -1 in either takes no part, whatever the other
says: report the share of items left out beside the value. Higher is better in all. None depends on the names
of the found classes. Each raises `ValidityError` on other shapes and dtypes, on labels below -1 and when no
item is left. Time and memory grow with the items, not with the product of the numbers of classes.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal.arrays import as_labels
from shoal.indices.checks import ValidityError
from shoal.indices.matching import most_matched
from shoal.types import UNLABELLED

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def _both(truth: ArrayLike, found: ArrayLike, asked_by: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    try:
        t = as_labels(truth)
        f = as_labels(found, len(t))
    except ValueError as problem:
        raise ValidityError(f"{asked_by} got {problem}") from problem
    known = (t != UNLABELLED) & (f != UNLABELLED)
    if not known.any():
        raise ValidityError(f"{asked_by} got {len(t)} items and none that is labelled in both.")
    return t[known], f[known]


def _table(truth: ArrayLike, found: ArrayLike, asked_by: str) -> "csr_matrix":
    """Return how many items each true (rows) and found class (columns) share, where they share any."""
    from sklearn.metrics.cluster import contingency_matrix

    return contingency_matrix(*_both(truth, found, asked_by), sparse=True, dtype=np.int64)


def nmi(truth: ArrayLike, found: ArrayLike) -> float:
    """Return the normalised mutual information, by the arithmetic mean of the entropies, in [0, 1].

    It grows with the number of found classes even for random ones: give `ami` beside it.
    """
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(*_both(truth, found, "nmi")))


def ami(truth: ArrayLike, found: ArrayLike) -> float:
    """Return the mutual information adjusted for chance, arithmetic mean: 0 for random classes.

    Vinh, Epps and Bailey (2010).
    """
    from sklearn.metrics import adjusted_mutual_info_score

    return float(adjusted_mutual_info_score(*_both(truth, found, "ami")))


def ari(truth: ArrayLike, found: ArrayLike) -> float:
    """Return the Rand index adjusted for chance: 1 for equal, 0 for random classes (Hubert & Arabie 1985)."""
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(*_both(truth, found, "ari")))


def homogeneity(truth: ArrayLike, found: ArrayLike) -> float:
    """Return how far each found class holds items of one true class only, in [0, 1].

    Rosenberg and Hirschberg (2007).
    """
    from sklearn.metrics import homogeneity_score

    return float(homogeneity_score(*_both(truth, found, "homogeneity")))


def completeness(truth: ArrayLike, found: ArrayLike) -> float:
    """Return how far each true class lies in one found class, in [0, 1] (Rosenberg & Hirschberg 2007)."""
    from sklearn.metrics import completeness_score

    return float(completeness_score(*_both(truth, found, "completeness")))


def v_measure(truth: ArrayLike, found: ArrayLike) -> float:
    """Return the harmonic mean of homogeneity and completeness; the same number as `nmi`."""
    from sklearn.metrics import v_measure_score

    return float(v_measure_score(*_both(truth, found, "v_measure")))


def accuracy(truth: ArrayLike, found: ArrayLike) -> float:
    """Return the share of items in the right class after the best one-to-one matching of classes, in (0, 1].

    The matching is Kuhn's, called Hungarian. Found classes beyond the number of true ones match nothing.
    """
    table = _table(truth, found, "accuracy")
    return most_matched(table) / int(table.sum())


def purity(truth: ArrayLike, found: ArrayLike) -> float:
    """Return the share of items in their found class's most frequent true class, in (0, 1].

    It reaches 1 when every item is a class of its own: compare only at equal numbers of classes.
    """
    table = _table(truth, found, "purity")
    return int(table.max(axis=0).sum()) / int(table.sum())


def pairwise_f1(truth: ArrayLike, found: ArrayLike) -> float:
    """Return the F1 of the decision "same class" over all pairs of items, in [0, 1].

    As in Manning, Raghavan and Schütze (2008). 1 where neither labelling has a pair of one class.
    """
    table = _table(truth, found, "pairwise_f1")
    together = _pairs(table.data)
    wanted, given = (_pairs(np.asarray(table.sum(axis=axis)).ravel()) for axis in (1, 0))
    return 2.0 * together / (wanted + given) if wanted + given else 1.0


def _pairs(counts: NDArray[np.int64]) -> int:
    return int((counts * (counts - 1) // 2).sum())
