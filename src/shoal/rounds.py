"""One round: from labels and cached vectors to a head, predictions and the map that re-forms. Arrays only.

Here the rooms meet: `learning` predicts, `training` makes the head, `projectors` lays the map.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal.learning.checked import Floats, Ints, LearningError, checked_labels, checked_vectors
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
from shoal.learning.probe import Probe
from shoal.projectors.neighbours import nearest
from shoal.projectors.placing import place_among
from shoal.projectors.reduction import Reduction, normalised, principal
from shoal.projectors.registration import into_unit_square
from shoal.projectors.settling import settle
from shoal.training.calibration import expected_calibration_error
from shoal.types import UNLABELLED, Progress

if TYPE_CHECKING:
    from torch import nn

    from shoal.training.head import Head
    from shoal.training.trainer import Trained

Watch = Callable[[Progress], None]
COMPONENTS = 256
"""The probe sees so many principal components; neighbours are looked for among the first half of them."""
SAMPLE = 20_000
SURROUNDINGS = 15
"""Neighbours whose fit counts for "none of these"."""
PULL = np.float32(2)
"""How much the prediction weighs against the vector in what is near on the map."""
STEPS = ("preparing", "predicting", "training the head", "laying the map")


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
        return self.reduction.apply(normalised(vectors.astype(np.float32))) * np.float32(self.scale)

    def head(self, dimensions: int) -> "Head":
        """Return the head that gives vectors (N, D) the first of their inputs: where training begins."""
        from shoal.training import Head

        return Head.linear(self.reduction.mean, self.reduction.axes, self.scale, dimensions)


def prepare(vectors: NDArray[np.floating], *, seed: int = 0) -> Prepared:
    """Reduce vectors (N, D), scaled to length one, and find their neighbours: once a layer, for all rounds.

    Raises `LearningError` where vectors are malformed.
    """
    checked_vectors("prepare()", vectors)
    step = max(1, len(vectors) // SAMPLE)
    reduction = principal(normalised(vectors[::step].astype(np.float32)), COMPONENTS, seed=seed)
    raw = [
        reduction.apply(normalised(vectors[at : at + 8192].astype(np.float32)))
        for at in range(0, max(len(vectors), 1), 8192)
    ]
    inputs = np.concatenate(raw)
    scale = 1 / max(float(np.sqrt((inputs**2).sum(axis=1).mean())), 1e-6)
    inputs *= np.float32(scale)
    neighbours = nearest(_near(inputs), SURROUNDINGS).ids.astype(np.int64)
    return Prepared(reduction, scale, inputs, neighbours, alike_around(_near(inputs), neighbours))


@dataclass(frozen=True, slots=True)
class RoundReport:
    """What a round measured: labels by class, held-out accuracy, calibration error, seconds a step.

    Accuracy and calibration are on the labelled items, each predicted by a probe fitted without it; `before`
    is the error of the plain scores, `after` that of the confidences given out, their temperature fitted
    without the half that they are measured on. `novel` is how many items are none of these.
    """

    counts: dict[int, int]
    accuracy: float
    error_before: float
    error_after: float
    novel: int
    moved: float | None
    seconds: dict[str, float] = field(default_factory=dict)


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
    rejected: tuple[Ints, Ints] | None = None,
    gestures: Ints | None = None,
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
    same arguments give the same result. Raises `LearningError` without two classes, and where arrays are
    malformed or do not fit.
    """
    checked_vectors("learn_round()", vectors)
    known = checked_labels("learn_round()", labels, len(vectors))
    begin = _checked_start(start, len(vectors))
    clock = _Clock(watch)
    with clock.step(0):
        ready = prepare(vectors, seed=seed) if prepared is None else prepared
        _check_fits(ready, vectors)
    with clock.step(1):
        guess = Guess.of(ready, known, rejected, gestures)
    with clock.step(2) as tick:
        begun = ready.head(dim) if previous is None else previous
        trained = _train(vectors, np.maximum(known, UNLABELLED), loss, begun, seed=seed, tick=tick)
        embedding = trained.embed(vectors)
    with clock.step(3) as tick:
        xy = re_form(ready, guess, begin, seed=seed, tick=lambda: tick(None))
    report = _report(known, guess, xy, start, clock.seconds)
    return RoundResult(ready, guess, trained, embedding, xy, report)


@dataclass(frozen=True, slots=True)
class Guess:
    """The probe's answers for N items: what a round says, without head and map.

    `predictions` (N,) int64 are labels, -1 for none of these, `confidence` (N,) float32; `pull` (N, K) is
    what they weigh on the map. `held` (M, K) are the held-out scores of the labelled items, whose classes
    are `probe.classes[places]`, `held_out` (N,) the classes that they speak for, -1 for items without a
    label. `named` says how likely the class of an item from elsewhere has a name, by its best score.
    """

    probe: Probe
    temperature: float
    named: Steps
    held: Floats
    places: Ints
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
        """Predict all items from labels (N,) of at least two classes, -1: unlabelled, -2: none of these.

        `rejected`: items (M,) that are not of the labels (M,) beside them; what else they are likely to be
        grows no surer by it. `gestures` (N,) numbers what was labelled together.
        """
        answered, left = np.flatnonzero(labels != UNLABELLED), np.flatnonzero(labels == UNLABELLED)
        probe, held_out = Probe.fit(ready.inputs[answered], labels[answered])
        held = held_out[labels[answered] >= 0]
        places = np.searchsorted(probe.classes, labels[labels >= 0])
        near = Surroundings(_near(ready.inputs), ready.neighbours, ready.around, labels, gestures)
        few = near.few(np.flatnonzero(labels >= 0))
        temperature = fitted_temperature(held[few], places[few])
        scores = probe.scores(ready.inputs)
        scores[answered] = held_out
        strangers = Strangers.of(ready.inputs, labels, probe.classes)
        named = named_probability(near, probe.classes, scores, strangers)
        shares = probabilities(scores, temperature)
        if rejected is not None:
            _deny(shares, probe.classes, *rejected)
        none = (named < STRANGE_BELOW) | (shares.max(axis=1) <= 0)
        predictions = np.where(none, UNLABELLED, probe.classes[shares.argmax(axis=1)])
        predictions[answered] = np.maximum(labels[answered], UNLABELLED)
        confidence = shares.max(axis=1)
        confidence[left] *= named[left]
        answers = np.full(len(labels), UNLABELLED, dtype=np.int64)
        answers[labels >= 0] = probe.classes[held.argmax(axis=1)]
        pull = np.sqrt(shares) * named[:, None]
        pull[answered] = labels[answered, None] == probe.classes
        elsewhere = named_by_score(near, scores, strangers)
        return cls(probe, temperature, elsewhere, held, places, PULL * pull, predictions, confidence, answers)


def _deny(shares: Floats, classes: Ints, rows: Ints, labels: Ints) -> None:
    """Take from rows (M,) of shares (N, K) the classes (M,) that they are not of; `classes` (K,) ascend."""
    places = np.searchsorted(classes, labels).clip(max=len(classes) - 1)
    known = classes[places] == labels
    shares[rows[known], places[known]] = 0


def _train(
    vectors: NDArray[np.floating],
    labels: Ints,
    loss: "str | nn.Module",
    begun: "Trained | Head",
    *,
    seed: int,
    tick: Watch,
) -> "Trained":
    from shoal.losses import LOSSES
    from shoal.training import Plan, train_head

    build = LOSSES.load(loss).build if isinstance(loss, str) else loss
    return train_head(vectors, labels, build, start=begun, plan=Plan(seed=seed, steps=100), watch=tick)


def re_form(
    ready: Prepared,
    guess: Guess,
    start: Floats | None,
    *,
    seed: int = 0,
    tick: Callable[[], None] = lambda: None,
) -> Floats:
    """Lay the map (N, 2) anew: near are similar vectors of like prediction. See `learn_round` for `start`."""
    points = np.concatenate([_near(ready.inputs), guess.pull], axis=1)
    begin = ready.inputs[:, :2] if start is None else start
    begin = np.pad(begin, ((0, 0), (0, 2 - begin.shape[1]))).astype(np.float32)
    known = np.isfinite(begin).all(axis=1)
    if not known.all():
        begin[~known] = place_among(points[~known], points[known], begin[known], seed=seed)
    xy = settle(points, begin, seed=seed, tick=tick)
    return xy if start is not None and _inside(xy) else into_unit_square(xy)


def _near(inputs: Floats) -> Floats:
    return np.ascontiguousarray(inputs[:, : COMPONENTS // 2])


def _inside(xy: Floats) -> bool:
    return not len(xy) or bool(xy.min() >= 0 and xy.max() <= 1)


def _report(
    labels: Ints, guess: Guess, xy: Floats, start: NDArray[np.floating] | None, seconds: dict[str, float]
) -> RoundReport:
    right = guess.held.argmax(axis=1) == guess.places
    plain = probabilities(guess.held, 1.0).max(axis=1)
    moved = None
    if start is not None:
        away = np.linalg.norm(xy - np.asarray(start, np.float32), axis=1)[labels == UNLABELLED]
        away = away[np.isfinite(away)]
        moved = float(np.median(away)) if away.size else None
    return RoundReport(
        {int(k): int((labels == k).sum()) for k in guess.probe.classes},
        float(right.mean()),
        expected_calibration_error(plain, right),
        _error_after(guess, right),
        int((guess.predictions == UNLABELLED).sum()),
        moved,
        seconds,
    )


def _error_after(guess: Guess, right: NDArray[np.bool_]) -> float:
    confidence = np.empty(len(right), np.float32)
    for half in range(2):
        asked, other = np.arange(half, len(right), 2), np.arange(1 - half, len(right), 2)
        if len(other):
            heat = fitted_temperature(guess.held[other], guess.places[other])
            confidence[asked] = probabilities(guess.held[asked], heat).max(axis=1)
        else:
            confidence[asked] = guess.confidence.max()
    return expected_calibration_error(confidence, right)


def _checked_start(start: NDArray[np.floating] | None, items: int) -> Floats | None:
    if start is None:
        return None
    if start.shape != (items, 2):
        raise LearningError(
            f"learn_round() got a start of shape {start.shape} for {items} items; it takes ({items}, 2) with "
            "NaN rows where an item has no place yet."
        )
    floats: Floats = np.asarray(start, np.float32)
    return floats if np.isfinite(floats).all(axis=1).any() else None


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
    def step(self, number: int) -> Iterator[Callable[[Progress | None], None]]:
        began = time.perf_counter()

        def tick(_: Progress | None = None) -> None:
            self._watch(Progress(number, len(STEPS), STEPS[number]))

        tick()
        yield tick
        self.seconds[STEPS[number]] = time.perf_counter() - began
