"""Samplers: which items make a batch. Each is a `batch_sampler` for torch's DataLoader: lists of positions.

Every sampler takes the labels (N,) of the data set, leaves -1 out, and gives other batches in every pass, the
same ones for the same seed. As the losses do, it refuses labels below -1 and labels that are no integers.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal.arrays import as_labels, is_whole
from shoal.types import ShoalError


class _Sampler:
    """Holds the positions of each class's items, the seed and the number of passes so far."""

    def __init__(self, labels: ArrayLike, seed: int) -> None:
        try:
            rows = as_labels(labels)
        except ValueError as problem:
            raise ShoalError(f"{type(self).__name__} got {problem}") from problem
        _check_whole(type(self).__name__, {"seed": seed}, least=0)
        order = np.argsort(rows, kind="stable")
        order = order[np.searchsorted(rows[order], 0) :]
        self.items: list[NDArray[np.int64]] = np.split(order, np.flatnonzero(np.diff(rows[order])) + 1)
        self.seed = seed
        self.passes = 0
        if not len(order):
            raise ShoalError(f"{type(self).__name__} got no labelled item; label some first.")

    def _start(self) -> np.random.Generator:
        rng = np.random.default_rng((self.seed, self.passes))
        self.passes += 1
        return rng


class ClassBatches(_Sampler):
    """P classes x K items a batch: what every pair, triplet and silhouette loss needs.

    A pass deals out all classes in random order, P at a time, `batches` batches long (default: about as many
    as show every item once). A class with fewer than K items gives all it has and then repeats at random;
    classes with one item are left out unless `singletons`, since they give no equal pair.
    Raises `ShoalError` when fewer than P classes remain.
    """

    def __init__(
        self,
        labels: ArrayLike,
        *,
        classes: int = 16,
        items: int = 8,
        batches: int | None = None,
        singletons: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__(labels, seed)
        settings = {"classes": classes, "items": items, "batches": 1 if batches is None else batches}
        _check_whole("ClassBatches", settings)
        if not singletons:
            self.items = [members for members in self.items if len(members) > 1]
        if len(self.items) < classes:
            raise ShoalError(
                f"ClassBatches got classes={classes} and labels with {len(self.items)} usable classes; there "
                "must be that many. Ask for fewer classes a batch, or label more."
            )
        self.classes = classes
        self.per_class = items
        total = sum(len(members) for members in self.items)
        self.batches = max(1, total // (classes * items)) if batches is None else batches

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[list[int]]:
        rng = self._start()
        waiting: list[int] = []
        for _ in range(self.batches):
            chosen, waiting = self._deal(rng, waiting)
            drawn = [_draw(rng, self.items[k], self.per_class) for k in chosen]
            yield [int(i) for i in np.concatenate(drawn)]

    def _deal(self, rng: np.random.Generator, waiting: list[int]) -> tuple[list[int], list[int]]:
        """Take P distinct classes from those waiting, and shuffle all in again when they run out."""
        if len(waiting) < self.classes:
            held = set(waiting)
            fresh = [int(k) for k in rng.permutation(len(self.items)) if k not in held]
            again = [int(k) for k in rng.permutation(waiting)] if waiting else []
            waiting = waiting + fresh + again
        return waiting[: self.classes], waiting[self.classes :]


class UniformOverClasses(_Sampler):
    """Batches in which every class is equally likely: DeepCluster's sampler over pseudo-labels.

    Empty classes do not exist here, so none is drawn. A pass shows about N items: N / K of each class,
    without repeating an item before all of its class have been seen. The last batch may be smaller.
    """

    def __init__(self, labels: ArrayLike, *, size: int = 256, seed: int = 0) -> None:
        super().__init__(labels, seed)
        _check_whole("UniformOverClasses", {"size": size})
        self.size = size
        total = sum(len(members) for members in self.items)
        self.per_class = math.ceil(total / len(self.items))

    def __len__(self) -> int:
        return math.ceil(self.per_class * len(self.items) / self.size)

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self.drawn_by(self._start()):
            yield [int(i) for i in batch]

    def drawn_by(self, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
        """Yield the batches of one pass, positions (B,), by random numbers from outside."""
        drawn = np.concatenate([_draw(rng, members, self.per_class) for members in self.items])
        order = rng.permutation(drawn)
        for start in range(0, len(order), self.size):
            yield order[start : start + self.size]


class Episodes(_Sampler):
    """Few-shot episodes: W classes, S support items of each, then Q queries of each, never overlapping.

    Support comes first in the batch, class after class, so that `PrototypicalLoss(shots=S)` finds it.
    Classes with fewer than S + Q items are left out; raises `ShoalError` when fewer than W remain.
    """

    def __init__(
        self, labels: ArrayLike, *, ways: int, shots: int, queries: int, episodes: int = 100, seed: int = 0
    ) -> None:
        super().__init__(labels, seed)
        settings = {"ways": ways, "shots": shots, "queries": queries, "episodes": episodes}
        _check_whole("Episodes", settings)
        self.items = [members for members in self.items if len(members) >= shots + queries]
        if len(self.items) < ways:
            raise ShoalError(
                f"Episodes got ways={ways}, shots={shots}, queries={queries} and labels with "
                f"{len(self.items)} classes of {shots + queries} items or more; there must be as many such "
                "classes as ways. Ask for fewer, or label more."
            )
        self.ways, self.shots, self.queries, self.episodes = ways, shots, queries, episodes

    def __len__(self) -> int:
        return self.episodes

    def __iter__(self) -> Iterator[list[int]]:
        rng = self._start()
        for _ in range(self.episodes):
            chosen = rng.choice(len(self.items), self.ways, replace=False)
            drawn = np.stack([_draw(rng, self.items[k], self.shots + self.queries) for k in chosen])
            support, queries = drawn[:, : self.shots], drawn[:, self.shots :]
            yield [int(i) for i in np.concatenate([support.ravel(), queries.ravel()])]


def _check_whole(who: str, settings: dict[str, Any], *, least: int = 1) -> None:
    """Raise `ShoalError` unless every setting is a whole number of `least` or more."""
    for name, value in settings.items():
        if not (is_whole(value) and value >= least):
            raise ShoalError(f"{who} got {name}={value!r}; it takes a whole number, {least} or more.")


def _draw(rng: np.random.Generator, members: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Draw `count` of a class's items: each as often as the others, give or take one."""
    rounds = math.ceil(count / len(members))
    return np.concatenate([rng.permutation(members) for _ in range(rounds)])[:count]
