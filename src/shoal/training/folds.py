"""Honest predictions for labelled items: each from a model that has not seen it."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal.training.checked import (
    Floats,
    Labels,
    TrainingError,
    Vectors,
    checked_labels,
    checked_vectors,
    checked_whole,
    need_two_classes,
)
from shoal.types import UNLABELLED

Fit = Callable[[Labels], Callable[[NDArray[np.int64]], tuple[Floats, Labels]]]
"""Labels (N,), some taken away, to a model that maps positions (M,) to logits (M, k) and classes (k,)."""


def out_of_fold(labels: ArrayLike, fit: Fit, *, folds: int = 5, seed: int = 0) -> tuple[Floats, Labels]:
    """Return logits (N, K) of labelled items by models that did not see them, and the classes (K,) they mean.

    labels is (N,) int, -1 = unlabelled. `fit` is called once a fold, with the fold's labels set to -1; e.g.
    for a probe: `probe_fit(vectors)`. Every class is dealt out over as many folds as it has items, so none is
    ever away as a whole: an item alone in its class stays in training and gets a row of NaN, as do unlabelled
    items. Raises `TrainingError` without two classes, or where every class has one item.
    """
    whole = checked_labels("out_of_fold()", labels)
    classes = need_two_classes("out_of_fold()", whole)
    checked_whole("out_of_fold()", folds=folds, at_least=2)
    checked_whole("out_of_fold()", seed=seed, at_least=0)
    fold = deal(whole, folds, seed)
    if not (fold >= 0).any():
        raise TrainingError("out_of_fold() got one item a class; give some class a second one first.")
    logits = np.full((len(whole), len(classes)), np.nan, np.float32)
    for number in np.unique(fold[fold >= 0]):
        asked = np.flatnonzero(fold == number)
        said, meant = fit(np.where(fold == number, UNLABELLED, whole))(asked)
        logits[np.ix_(asked, np.searchsorted(classes, meant))] = said
    return logits, classes


def deal(labels: Labels, folds: int, seed: int) -> Labels:
    """Return each item's fold (N,), -1 for unlabelled items and for items alone in their class.

    The items of each class go to different folds in turn, and the classes begin at different folds, so that
    folds are about equally large.
    """
    random = np.random.default_rng(seed)
    fold = np.full(len(labels), -1, np.int64)
    first = 0
    for k in np.unique(labels[labels != UNLABELLED]):
        members = random.permutation(np.flatnonzero(labels == k))
        if len(members) > 1:
            fold[members] = (first + np.arange(len(members))) % folds
            first += len(members)
    return fold


def probe_fit(vectors: Vectors, *, strength: float = 0.05, unit: bool = True) -> Fit:
    """Return the `fit` of `out_of_fold` for a `LinearProbe` on vectors (N, D)."""
    from shoal.training.probe import LinearProbe

    rows = checked_vectors("probe_fit()", vectors)

    def fit(labels: Labels) -> Callable[[NDArray[np.int64]], tuple[Floats, Labels]]:
        probe = LinearProbe.fit(rows, labels, strength=strength, unit=unit)
        return lambda asked: (probe.logits(rows[asked]), probe.classes)

    return fit


def probe_accuracy(
    vectors: Vectors, labels: ArrayLike, *, folds: int = 5, seed: int = 0, unit: bool = True
) -> float:
    """Return the share of labelled items (N,) whose class a linear probe fitted without them tells right.

    vectors (N, D), labels (N,) int, -1 = unlabelled. Alain & Bengio (2016) judge the layers of a network so.
    Items alone in their class are not asked about. Raises as `out_of_fold` does.
    """
    rows = checked_vectors("probe_accuracy()", vectors)
    whole = checked_labels("probe_accuracy()", labels, len(rows))
    logits, classes = out_of_fold(whole, probe_fit(rows, unit=unit), folds=folds, seed=seed)
    asked = np.isfinite(logits).any(axis=1)
    chosen = classes[logits[asked].argmax(axis=1)]
    return float((chosen == whole[asked]).mean())
