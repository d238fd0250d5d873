"""Labelling without a map: one at a time, or a probe on the vectors and clicks where it asks for them."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from shoal.effort.acceptance import Acceptance
from shoal.effort.curve import Book, Effort, checked_targets
from shoal.types import UNLABELLED

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Probe = Callable[[Ints], tuple[Ints, Floats]]
"""Labels (N,) with -1 where there is none, to predictions (N,) and confidence (N,)."""
Choose = Callable[[Ints, Floats, int], Ints]
"""Labels (N,), confidence (N,) (0 before the first fit) and a number M, to the M items to click next."""


STRENGTH = 10.0
"""The inverse of the probe's regularisation: of 1, 10, 100, 1,000 the most accurate from 1,600 labels on."""


def one_at_a_time(items: int, *, targets: Sequence[float] = (0.5, 0.8, 0.95)) -> Effort:
    """Return the effort of labelling every item by its own click."""
    targets = checked_targets("one_at_a_time", targets)
    count = np.arange(1, items + 1)
    kinds = {"disc": 0, "correction": 0, "click": items, "accept": 0}
    return Effort(items, targets, count, count, count, kinds, 0)


def measure_clicks(
    truth: NDArray[np.integer],
    probe: Probe,
    choose: Choose,
    *,
    every: int = 5,
    growth: float = 0.0,
    accept: bool = False,
    targets: Sequence[float] = (0.5, 0.8, 0.95),
    most: int | None = None,
) -> Effort:
    """Click the items that `choose` asks for, fit `probe` again and again, and count the gestures.

    truth is (N,) int with -1 for items that take no part. The probe is fitted after `every` clicks, or after
    `growth` times the gestures so far where that is more. The session ends when the highest target would be
    reached by taking over the remaining predictions unseen (`Effort.at_adopting`). With `accept` the
    annotator may accept groups of predictions after each fit exactly as on the map, by confidence,
    everywhere or of a class, wherever that labels at least 2 items per gesture, and goes on until the labels
    she has looked at reach the target. Raises `EffortError` for targets out of range.
    """
    truth = np.asarray(truth, np.int64)
    targets = checked_targets("measure_clicks", targets)
    book = Book(int((truth >= 0).sum()), targets, most, adopting=not accept)
    there, right = truth >= 0, np.zeros(len(truth), np.bool_)
    labels, confidence = np.full(len(truth), UNLABELLED, np.int64), np.zeros(len(truth))

    def label(kind: str, items: Ints, errors: int) -> None:
        labels[items], there[items] = truth[items], False
        correct = int((labels >= 0).sum())
        book.add(kind, errors=errors, correct=correct, adopted=correct + int((right & there).sum()))

    while not book.finished and there.any():
        count = max(every, int(growth * book.spent))
        asked = choose(np.where(truth >= 0, labels, 0), confidence, min(count, int(there.sum())))
        for item in asked.tolist():
            label("click", np.array([item]), 0)
        predictions, confidence = probe(labels)
        right = predictions == truth
        book.see(int((labels >= 0).sum() + (right & there).sum()))
        offers = Acceptance(None, predictions, confidence, right=right, there=there) if accept else None
        while offers and (group := offers.best(there)):
            label("accept", group.members, group.errors)
    return book.close()


def most_uncertain(*, seed: int = 0) -> Choose:
    """Return a choice of the least confident items first, equals in a seeded random order."""

    def choose(labels: Ints, confidence: Floats, count: int) -> Ints:
        chance = np.random.default_rng(seed).permutation(len(labels))
        left = np.flatnonzero(labels == UNLABELLED)
        return left[np.lexsort((chance[left], confidence[left]))][:count]

    return choose


def linear_probe(vectors: NDArray[np.floating], *, dimensions: int = 256, seed: int = 0) -> Probe:
    """Return a logistic regression on vectors (N, D), scaled to length one and to their first components.

    The components are found once; each call fits on the labelled items and predicts all. Before there are two
    classes everything is predicted as the one there is, with confidence 0.
    """
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import normalize

    unit = normalize(np.asarray(vectors, np.float32))
    width = min(dimensions, *unit.shape)
    inputs = PCA(width, svd_solver="randomized", random_state=seed).fit_transform(unit)
    inputs /= inputs.std() * np.sqrt(width)

    def probe(labels: Ints) -> tuple[Ints, Floats]:
        known = labels != UNLABELLED
        if len(np.unique(labels[known])) < 2:
            return np.full(len(labels), labels[known][0]), np.zeros(len(labels))
        model = LogisticRegression(C=STRENGTH, max_iter=200, tol=1e-3).fit(inputs[known], labels[known])
        chances = model.predict_proba(inputs)
        return model.classes_[chances.argmax(axis=1)].astype(np.int64), chances.max(axis=1)

    return probe
