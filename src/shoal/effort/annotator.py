"""The simulated annotator: a person who knows every true class but sees only the map, and its predictions.

Defined once so that maps, losses and programs can be compared by what counts, gestures:

- She draws the disc that labels the most: around any unlabelled item, its nearest unlabelled items, at least
  95 % of one class. That costs 1, and 1 more for each item inside that is of another class, which a click
  puts right at once. The disc with the most of its class is taken, of equals that with the fewest wrong.
- When the best disc holds fewer than 3 items, each further item costs a click: the least confident first
  where there are predictions, in a seeded random order where there are none.
- After every round she may instead accept predictions at once: all above a confidence, everywhere or of one
  class, or those in a region (see `Acceptance`). That costs 1, and 1 for each wrong one, which she sees and
  puts right. She looks at the group first (the simulator asks the truth for it) and accepts it only when it
  labels at least 2 items per gesture, so more than half of it is right. Of disc and acceptance she takes
  whichever labels more items per gesture.

Nothing is left unseen, so everything labelled is right; `Effort.adopted` is the other way, taking over the
remaining predictions as they are. Learning itself costs no gesture.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.effort.acceptance import Acceptance
from shoal.effort.curve import FEWEST, Book, Effort, EffortError, checked_targets
from shoal.effort.discs import Discs
from shoal.types import UNLABELLED

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Learned:
    """What a round gives: xy (N, 2), predictions (N,) int with -1 for "none of these", confidence (N,)."""

    xy: NDArray[np.floating]
    predictions: NDArray[np.integer]
    confidence: NDArray[np.floating]


Learn = Callable[[NDArray[np.int64], NDArray[np.int64]], Learned]
"""A round: labels (N,) int64 and the gestures (N,) that gave them, -1 where there is none, to a new map and
predictions for all N items. Items labelled together share a number, a correction has one of its own."""


def measure_effort(
    xy: NDArray[np.floating],
    truth: NDArray[np.integer],
    *,
    learn: Learn | None = None,
    every: int | Callable[[int], bool] = 5,
    purity: float = 0.95,
    targets: Sequence[float] = (0.5, 0.8, 0.95),
    most: int | None = None,
    seed: int = 0,
) -> Effort:
    """Let the simulated annotator label a map xy (N, 2) until the highest target, and count her gestures.

    truth is (N,) int; items of class -1 have none: they lie on the map, are nobody's to label and count for
    nothing. With `learn` there is a round after every `every` gestures, or whenever `every(gestures)` says
    so; it replaces the map and offers predictions. `most` ends the session after that many gestures. `seed`
    decides the order of single clicks only. The order of the items decides nothing.
    Raises `EffortError` where the arrays do not fit together or a parameter is out of range.
    """
    xy, truth = _checked_map(xy, truth)
    if not 0.5 < purity <= 1:
        raise EffortError(f"measure_effort() got purity={purity}; it takes a share above 0.5 and up to 1.")
    if not callable(every) and every < 1:
        raise EffortError(f"measure_effort() got every={every}; a round needs at least 1 gesture before it.")
    # sorted by place, so that ties never depend on how the caller's items are numbered
    order = np.lexsort((truth, xy[:, 1], xy[:, 0]))
    book = Book(int((truth >= 0).sum()), checked_targets("measure_effort", targets), most)
    session = _Session(xy[order], truth[order], purity, seed, book)
    since = 0
    while not session.over:
        session.act()
        if learn and (every(book.spent) if callable(every) else book.spent - since >= every):
            since = book.spent
            session.see(_round(learn, session.labels, session.gestures, order))
    return book.close()


class _Session:
    """What the annotator has before her; items are in the order of the first map."""

    def __init__(self, xy: NDArray[np.float64], truth: Ints, purity: float, seed: int, book: Book) -> None:
        self.labels = np.full(len(truth), UNLABELLED, np.int64)
        self.gestures = np.full(len(truth), UNLABELLED, np.int64)
        self._truth, self._purity, self._book = truth, purity, book
        self._there = truth >= 0
        self._right = np.zeros(len(truth), np.bool_)
        self._chance = np.random.default_rng(seed).permutation(len(truth))
        self._confidence = np.zeros(len(truth))
        self._correct = 0
        self._discs = Discs(xy, truth, self._there, purity)
        self._offers: Acceptance | None = None
        self._strays: Iterator[int] | None = None

    @property
    def over(self) -> bool:
        return self._book.finished or not self._there.any()

    def see(self, learned: Learned) -> None:
        """Look at a new map and its predictions."""
        xy = learned.xy.astype(np.float64)
        self._confidence = learned.confidence.astype(np.float64)
        predictions = learned.predictions.astype(np.int64)
        self._right = predictions == self._truth
        self._discs = Discs(xy, self._truth, self._there, self._purity)
        self._offers = Acceptance(xy, predictions, self._confidence, right=self._right, there=self._there)
        self._strays = None
        self._book.see(self._adopted())

    def act(self) -> None:
        """Make the gesture that labels the most items for its cost, or click the next stray."""
        if self._strays is None:
            disc, group = self._discs.best(), self._offers.best(self._there) if self._offers else None
            worth = disc is not None and len(disc.members) >= FEWEST
            drawn = len(disc.members) / (1 + disc.wrong) if disc and worth else 0.0
            if group and group.rate > drawn:
                return self._label("accept", group.members, ~self._right[group.members])
            if disc and worth:
                kinds, given = np.unique(self._truth[disc.members], return_inverse=True)
                wrong = given != np.bincount(given, minlength=len(kinds)).argmax()
                return self._label("disc", disc.members, wrong)
            left = np.flatnonzero(self._there)
            self._strays = iter(left[np.lexsort((self._chance[left], self._confidence[left]))].tolist())
        return self._label("click", np.array([next(self._strays)]), np.zeros(1, np.bool_))

    def _label(self, kind: str, items: Ints, wrong: NDArray[np.bool_]) -> None:
        """Label items (M,) by one gesture, and those that are `wrong` (M,) by one each."""
        errors = int(wrong.sum())
        self.labels[items] = self._truth[items]
        self.gestures[items] = self._book.spent
        self.gestures[items[wrong]] += 1 + np.arange(errors)
        self._there[items] = False
        self._correct += len(items)
        if self._strays is None:
            self._discs.remove(items)
        self._book.add(kind, errors=errors, correct=self._correct, adopted=self._adopted())

    def _adopted(self) -> int:
        return self._correct + int((self._right & self._there).sum())


def _round(learn: Learn, labels: Ints, gestures: Ints, order: Ints) -> Learned:
    """Learn from labels (N,) and gestures (N,) in the order of the first map, `order` in the caller's."""
    asked, by = np.empty_like(labels), np.empty_like(gestures)
    asked[order], by[order] = labels, gestures
    learned = learn(asked, by)
    items = len(labels)
    shapes = tuple(np.shape(part) for part in (learned.xy, learned.predictions, learned.confidence))
    if shapes != ((items, 2), (items,), (items,)):
        raise EffortError(
            f"measure_effort() got xy, predictions, confidence of shapes {shapes} from learn(); for {items} "
            f"items they must be ({items}, 2), ({items},) and ({items},)."
        )
    if not np.isfinite(learned.xy).all():
        raise EffortError("measure_effort() got a map from learn() with positions that are not finite.")
    return Learned(learned.xy[order], learned.predictions[order], learned.confidence[order])


def _checked_map(xy: NDArray[np.floating], truth: NDArray[np.integer]) -> tuple[NDArray[np.float64], Ints]:
    xy, truth = np.asarray(xy).astype(np.float64), np.asarray(truth)
    if xy.shape != (len(truth), 2) or truth.dtype.kind not in "iu":
        raise EffortError(
            f"measure_effort() got xy of shape {xy.shape} and truth of shape {truth.shape}, type "
            f"{truth.dtype}; it takes positions (N, 2) and whole numbers (N,)."
        )
    if not np.isfinite(xy).all():
        raise EffortError("measure_effort() got positions that are not finite; leave those items out.")
    if not (truth >= 0).any():
        raise EffortError("measure_effort() got no item with a true class (0 or more); there is no work.")
    return np.asarray(xy, np.float64), truth.astype(np.int64)
