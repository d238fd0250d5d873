"""One round: from labels and cached vectors to a head, predictions and the map that re-forms. Arrays only.

Here the rooms meet: `learning` predicts, `training` makes the head, `projectors` lays the map.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal.arrays import unit_vectors
from shoal.learning.checked import (
    Floats,
    Ints,
    LearningError,
    checked_gestures,
    checked_labels,
    checked_rejected,
    checked_start,
    checked_vectors,
)
from shoal.learning.confidence import fitted_temperature, probabilities
from shoal.learning.novelty import (
    STRANGE_BELOW,
    Steps,
    Strangers,
    Surroundings,
    alike_around,
    named_by_score,
    named_probability,
)
from shoal.learning.one_class import class_curve, two_columns
from shoal.learning.probe import Probe
from shoal.projectors.neighbours import nearest
from shoal.projectors.placing import place_among
from shoal.projectors.reduction import Reduction, principal
from shoal.projectors.registration import into_unit_square
from shoal.projectors.settling import settle
from shoal.round_report import RoundReport, head_recall, report_of, trained_head
from shoal.types import NONE_OF_THESE, UNLABELLED, Progress, Watch

if TYPE_CHECKING:
    from torch import nn

    from shoal.training.head import Head
    from shoal.training.trainer import Trained

COMPONENTS = 256
"""The probe sees so many principal components; neighbours are looked for among the first half of them."""
SAMPLE = 20_000
SURROUNDINGS = 15
"""Neighbours whose fit counts for "none of these"."""
PULL = np.float32(2)
"""How much the prediction weighs against the vector in what is near on the map."""
STEPS = ("preparing", "predicting", "judging the head", "training the head", "laying the map")
PERCENT = 100
"""A round says how far it is in parts of a hundred, each of its steps as much as another."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a layer's rounds share, computed once: inputs (N, d), each item's neighbours (N, k).

    `around` (N,) is how alike an item is to its neighbours, as their mean cosine.
    """

    reduction: Reduction
    scale: float
    inputs: Floats
    neighbours: Ints
    around: Floats

    def of(self, vectors: NDArray[np.floating]) -> Floats:
        """Return vectors (M, D) of the same layer as inputs (M, d)."""
        return self.reduction.apply(unit_vectors(vectors)) * np.float32(self.scale)

    def head(self, dimensions: int) -> "Head":
        """Return the head that gives vectors (N, D) the first of their inputs: where training begins."""
        from shoal.training import Head

        return Head.linear(self.reduction.mean, self.reduction.axes, self.scale, dimensions)


def prepare(vectors: NDArray[np.floating], *, seed: int = 0, watch: Watch = lambda _: None) -> Prepared:
    """Reduce vectors (N, D), scaled to length one, and find their neighbours: once a layer, for all rounds.

    `watch` hears how far the search is where there are many, and may raise to stop. Raises `LearningError`
    where vectors are malformed.
    """
    checked_vectors("prepare()", vectors)
    step = max(1, len(vectors) // SAMPLE)
    reduction = principal(unit_vectors(vectors[::step]), COMPONENTS, seed=seed)
    raw = [
        reduction.apply(unit_vectors(vectors[at : at + 8192])) for at in range(0, max(len(vectors), 1), 8192)
    ]
    inputs = np.concatenate(raw)
    scale = 1 / max(float(np.sqrt((inputs**2).sum(axis=1).mean())), 1e-6)
    inputs *= np.float32(scale)
    neighbours = nearest(_near(inputs), SURROUNDINGS, watch=watch).ids.astype(np.int64)
    return Prepared(reduction, scale, inputs, neighbours, alike_around(_near(inputs), neighbours))


@dataclass(frozen=True, slots=True)
class RoundResult:
    """A round over N items; `embedding` (N, d) comes from the head, `xy` (N, 2) lies in the unit square."""

    prepared: Prepared
    guess: "Guess"
    trained: "Trained"
    embedding: Floats
    xy: Floats
    report: RoundReport

    @property
    def predictions(self) -> Ints:
        """Return labels (N,), -1 for none of these."""
        return self.guess.predictions

    @property
    def confidence(self) -> Floats:
        """Return the probability (N,) that the predictions are right."""
        return self.guess.confidence

    @property
    def held_out(self) -> Ints:
        """Return what a probe fitted without the item calls a labelled one (N,), -1 for the others."""
        return self.guess.held_out

    @property
    def head(self) -> "Head":
        """Return the trained head, vectors (N, D) to (N, d)."""
        return self.trained.head


def learn_round(
    vectors: NDArray[np.floating],
    labels: ArrayLike,
    *,
    start: NDArray[np.floating] | None = None,
    prepared: Prepared | None = None,
    loss: "str | nn.Module" = "silhouette",
    dim: int = 16,
    previous: "Trained | Head | None" = None,
    rejected: tuple[ArrayLike, ArrayLike] | None = None,
    gestures: ArrayLike | None = None,
    seed: int = 0,
    watch: Watch = lambda _: None,
) -> RoundResult:
    """Learn from labels (N,) int of vectors (N, D): head, predictions and a new map.

    A label is -1 where there is none, and -2 where an item is none of these classes.

    `start` (N, 2) is the map on the page (NaN rows have no place): the new one begins there and stays in its
    frame. `prepared` is `prepare(vectors)`, kept from an earlier round. `previous` is `RoundResult.trained`
    of the round before, or its head: the new one goes on from it, the first from the first `dim` principal
    components. `rejected`: items (M,) that are not of these labels (M,), and are not predicted to be.
    `gestures` (N,) numbers what was labelled together, where that is known: it bears on how far predictions
    can be believed. `watch` hears of every step and may raise to cancel; then nothing is left behind. The
    same arguments give the same result. Raises `LearningError` without two classes, or one and items that are
    none of it, and where arrays are malformed or do not fit.
    """
    checked_vectors("learn_round()", vectors)
    known = checked_labels("learn_round()", labels, len(vectors))
    begin = checked_start("learn_round()", start, len(vectors))
    denied = checked_rejected("learn_round()", rejected, len(vectors))
    together = checked_gestures("learn_round()", gestures, len(vectors))
    clock = _Clock(watch)
    with clock.step(0) as heard:
        ready = prepare(vectors, seed=seed, watch=heard) if prepared is None else prepared
        _check_fits(ready, vectors)
    with clock.step(1):
        guess = Guess.of(ready, known, denied, together)
    groups = _groups(known, guess.probe.classes)
    with clock.step(2) as heard:
        recall = head_recall(vectors, groups, loss, ready.head(dim), seed=seed, watch=heard)
    with clock.step(3) as heard:
        begun = ready.head(dim) if previous is None else previous
        trained = trained_head(vectors, groups, loss, begun, seed=seed, watch=heard)
        embedding = trained.embed(vectors)
    with clock.step(4) as heard:
        xy = re_form(ready, guess, begin, seed=seed, watch=heard)
    moved = _moved(known, xy, begin)
    report = report_of(known, guess, moved=moved, recall=recall, seconds=clock.seconds)
    return RoundResult(ready, guess, trained, embedding, xy, report)


def _groups(labels: Ints, classes: Ints) -> Ints:
    """Return what a head tells apart: the classes, and what is none of these only where there is but one."""
    groups = np.maximum(labels, UNLABELLED)
    if len(classes) == 1:
        groups[labels == NONE_OF_THESE] = classes[0] + 1
    return groups


@dataclass(frozen=True, slots=True)
class Guess:
    """The probe's answers for N items: what a round says, without head and map.

    `predictions` (N,) int64 are labels, -1 for none of these, `confidence` (N,) float32; `pull` (N, K) is
    what they weigh on the map. `held` (M, K) are the held-out scores of the labelled items, whose classes
    are `probe.classes[places]`, `held_out` (N,) the classes that they speak for, -1 for items without a
    label; `few` (F,) are the rows of `held` that count, no more than three of a gesture. `named` says how
    likely the class of an item from elsewhere has a name, by its best score.

    Where there is one class only, what was said to be none of it stands as a second one in `held` and
    `places`, and an item of the class that looks like none of it has no answer in `held_out`.
    """

    probe: Probe
    temperature: float
    named: Steps
    held: Floats
    places: Ints
    few: Ints
    pull: Floats
    predictions: Ints
    confidence: Floats
    held_out: Ints

    @classmethod
    def of(
        cls,
        ready: Prepared,
        labels: Ints,
        rejected: tuple[Ints, Ints] | None = None,
        gestures: Ints | None = None,
    ) -> "Guess":
        """Predict all items from labels (N,) of two kinds at least, -1: unlabelled, -2: none of these.

        `rejected`: items (M,) that are not of the labels (M,) beside them; what else they are likely to be
        grows no surer by it. `gestures` (N,) numbers what was labelled together.
        """
        answered = np.flatnonzero(labels != UNLABELLED)
        probe, held_out = Probe.fit(ready.inputs[answered], labels[answered])
        scores = probe.scores(ready.inputs)
        scores[answered] = held_out
        near = Surroundings(_near(ready.inputs), ready.neighbours, ready.around, labels, gestures)
        alone = len(probe.classes) == 1
        judged = _judged_one(near, scores) if alone else _judged(near, ready, probe, scores)
        held, places, few, temperature, named, elsewhere = judged
        shares = probabilities(scores, temperature)
        if rejected is not None:
            _deny(shares, probe.classes, *rejected)
        none = (named < STRANGE_BELOW) | (shares.max(axis=1) <= 0)
        predictions = np.where(none, UNLABELLED, probe.classes[shares.argmax(axis=1)])
        predictions[answered] = np.maximum(labels[answered], UNLABELLED)
        confidence = shares.max(axis=1)
        doubted = labels != NONE_OF_THESE if alone else labels == UNLABELLED
        confidence[doubted] *= named[doubted]
        answers = np.full(len(labels), UNLABELLED, dtype=np.int64)
        answers[labels >= 0] = np.append(probe.classes, UNLABELLED)[
            held[places < len(probe.classes)].argmax(axis=1)
        ]
        pull = np.sqrt(shares) * named[:, None]
        pull[answered] = labels[answered, None] == probe.classes
        pull *= PULL
        return cls(probe, temperature, elsewhere, held, places, few, pull, predictions, confidence, answers)


Judged = tuple[Floats, Ints, Ints, float, Floats, Steps]


def _judged(near: Surroundings, ready: Prepared, probe: Probe, scores: Floats) -> Judged:
    """Return `held`, `places`, `few`, `temperature`, how likely a name is for each item (N,), and `named`."""
    labelled = np.flatnonzero(near.labels >= 0)
    held, places = scores[labelled], np.searchsorted(probe.classes, near.labels[labelled])
    few = near.few(labelled)
    temperature = fitted_temperature(held[few], places[few])
    strangers = Strangers.of(ready.inputs, near.labels, probe.classes)
    named = named_probability(near, probe.classes, scores, strangers)
    return held, places, few, temperature, named, named_by_score(near, scores, strangers)


def _judged_one(near: Surroundings, scores: Floats) -> Judged:
    """Return the same where there is one class, against what was said to be none of it."""
    answered = np.flatnonzero(near.labels != UNLABELLED)
    held = two_columns(scores[answered])
    places = (near.labels[answered] == NONE_OF_THESE).astype(np.int64)
    few = near.few(answered)
    temperature = fitted_temperature(held[few], places[few])
    curve = class_curve(temperature)
    return held, places, few, temperature, curve.at(scores[:, 0]), curve


def _deny(shares: Floats, classes: Ints, rows: Ints, labels: Ints) -> None:
    """Take from rows (M,) of shares (N, K) the classes (M,) that they are not of; `classes` (K,) ascend."""
    places = np.searchsorted(classes, labels).clip(max=len(classes) - 1)
    known = classes[places] == labels
    shares[rows[known], places[known]] = 0


def re_form(
    ready: Prepared,
    guess: Guess,
    start: Floats | None,
    *,
    seed: int = 0,
    watch: Watch = lambda _: None,
) -> Floats:
    """Lay the map (N, 2) anew: near are similar vectors of like prediction. See `learn_round`."""
    points = np.concatenate([_near(ready.inputs), guess.pull], axis=1)
    begin = ready.inputs[:, :2] if start is None else start
    begin = np.pad(begin, ((0, 0), (0, 2 - begin.shape[1]))).astype(np.float32)
    known = np.isfinite(begin).all(axis=1)
    if not known.all():
        begin[~known] = place_among(points[~known], points[known], begin[known], seed=seed)
    xy = settle(points, begin, seed=seed, watch=watch)
    return xy if start is not None and _inside(xy) else into_unit_square(xy)


def _near(inputs: Floats) -> Floats:
    return np.ascontiguousarray(inputs[:, : COMPONENTS // 2])


def _inside(xy: Floats) -> bool:
    return not len(xy) or bool(xy.min() >= 0 and xy.max() <= 1)


def _moved(labels: Ints, xy: Floats, start: Floats | None) -> float | None:
    """Return the median way (N, 2) of the unlabelled items that had a place; None where there is none."""
    if start is None:
        return None
    away = np.linalg.norm(xy - start, axis=1)[labels == UNLABELLED]
    away = away[np.isfinite(away)]
    return float(np.median(away)) if away.size else None


def _check_fits(ready: Prepared, vectors: NDArray[np.floating]) -> None:
    if len(ready.inputs) != len(vectors) or len(ready.reduction.mean) != vectors.shape[1]:
        raise LearningError(
            f"learn_round() got vectors {vectors.shape} with what was prepared for "
            f"{len(ready.inputs)} items {len(ready.reduction.mean)} wide; prepare these vectors."
        )


class _Clock:
    """Times the steps of a round and tells `watch` where it is."""

    def __init__(self, watch: Watch) -> None:
        self.seconds: dict[str, float] = {}
        self._watch = watch

    @contextmanager
    def step(self, number: int) -> Iterator[Watch]:
        began = time.perf_counter()

        def hear(within: Progress) -> None:
            part = within.done / within.total if within.total else 0.0
            self._watch(Progress(int(PERCENT * (number + part) / len(STEPS)), PERCENT, STEPS[number]))

        hear(Progress(0, 1, STEPS[number]))
        yield hear
        self.seconds[STEPS[number]] = time.perf_counter() - began
