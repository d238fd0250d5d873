"""What a round says of itself: how often it is right, how far it can be believed, how good its head is."""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shoal.learning.checked import Floats, Ints
from shoal.learning.confidence import fitted_temperature, probabilities
from shoal.training.calibration import expected_calibration_error
from shoal.types import UNLABELLED, Watch

if TYPE_CHECKING:
    from torch import nn

    from shoal.rounds import Guess
    from shoal.training.head import Head
    from shoal.training.trainer import Trained

STEPS = 100
"""A head trains for so many batches."""
SPARE = 4
"""A class with so many labels can spare a quarter of them to judge the head by."""


@dataclass(frozen=True, slots=True)
class RoundReport:
    """What a round measured: labels by class, held-out accuracy, calibration error, seconds a step.

    Accuracy and calibration are on the labelled items, no more than three of a gesture, so that the easy ones
    of a large lasso do not speak for all; each is predicted by a probe fitted without it. `before` is the
    error of the plain scores, `after` that of the confidences given out, their temperature fitted without the
    half that they are measured on. An item alone in its class cannot be told without its label, so it does
    not count; None where no class has two. `head_recall` is `head_recall()`'s. `novel` is how many items are
    none of these.
    """

    counts: dict[int, int]
    accuracy: float | None
    error_before: float | None
    error_after: float | None
    head_recall: float | None
    novel: int
    moved: float | None
    seconds: dict[str, float] = field(default_factory=dict)


def report_of(
    labels: Ints,
    guess: "Guess",
    *,
    moved: float | None,
    recall: float | None,
    seconds: dict[str, float],
) -> RoundReport:
    """Return the report of a round over labels (N,), with what was measured before."""
    held, places = guess.held[guess.few], guess.places[guess.few]
    judged = np.bincount(guess.places, minlength=guess.held.shape[1])[places] > 1
    accuracy = before = after = None
    if judged.any():
        right = (held.argmax(axis=1) == places)[judged]
        accuracy = float(right.mean())
        before = expected_calibration_error(probabilities(held[judged], 1.0).max(axis=1), right)
        after = expected_calibration_error(_cross_fitted(held, places)[judged], right)
    return RoundReport(
        {int(k): int((labels == k).sum()) for k in guess.probe.classes},
        accuracy,
        before,
        after,
        recall,
        int((guess.predictions == UNLABELLED).sum()),
        moved,
        seconds,
    )


def _cross_fitted(held: Floats, places: Ints) -> Floats:
    """Return how sure held-out scores (M, K) are, M > 1, by a temperature of the other half's places (M,)."""
    confidence = np.empty(len(held), np.float32)
    for half in range(2):
        asked, other = np.arange(half, len(held), 2), np.arange(1 - half, len(held), 2)
        heat = fitted_temperature(held[other], places[other])
        confidence[asked] = probabilities(held[asked], heat).max(axis=1)
    return confidence


def trained_head(
    vectors: NDArray[np.floating],
    labels: Ints,
    loss: "str | nn.Module",
    begun: "Trained | Head",
    *,
    seed: int,
    watch: Watch,
) -> "Trained":
    """Return the head that a round trains on vectors (N, D) and labels (N,), -1: unlabelled, from `begun`."""
    from shoal.losses import LOSSES
    from shoal.training import Plan, train_head

    build = LOSSES.load(loss).build if isinstance(loss, str) else loss
    return train_head(vectors, labels, build, start=begun, plan=Plan(seed=seed, steps=STEPS), watch=watch)


def head_recall(
    vectors: NDArray[np.floating],
    labels: Ints,
    loss: "str | nn.Module",
    begun: "Head",
    *,
    seed: int,
    watch: Watch,
) -> float | None:
    """Return how often a held-out label's nearest item among the other labelled ones is of its class.

    Of every class with four labels a quarter is held out, and a head like the round's is trained on the rest
    from `begun`, which has seen no label; the round's own head knows them all. None where no class has four.
    A loss that was handed in stays as it is.
    """
    held = _spared(labels, seed)
    if not len(held):
        return None
    from shoal.training.judging import recall_among

    rest = labels.copy()
    rest[held] = UNLABELLED
    kept = np.flatnonzero(rest != UNLABELLED)
    fresh = loss if isinstance(loss, str) else deepcopy(loss)
    trained = trained_head(vectors, rest, fresh, begun, seed=seed, watch=watch)
    return recall_among(
        trained.embed(vectors[held]), labels[held], trained.embed(vectors[kept]), labels[kept]
    )


def _spared(labels: Ints, seed: int) -> Ints:
    random = np.random.default_rng(seed)
    held = [np.empty(0, np.int64)]
    for kind in np.unique(labels[labels != UNLABELLED]):
        members = np.flatnonzero(labels == kind)
        held.append(random.permutation(members)[: len(members) // SPARE])
    return np.sort(np.concatenate(held))
