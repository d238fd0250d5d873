"""Labels of two rounds on a pile, and what living.py's maps are drawn from."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from piles import Pile, framed

from shoal.projectors.affinities import Graph, affinities
from shoal.projectors.neighbours import nearest
from shoal.rounds import Guess, Prepared, prepare

WIDTH = 128
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Case:
    """A pile, the classes that somebody named, and the labels (N,) of two rounds; -1: none."""

    pile: Pile
    named: Ints
    labels: tuple[Ints, Ints]

    @classmethod
    def of(cls, pile: Pile) -> "Case":
        """Draw which classes are named, and the items that are labelled."""
        draw = np.random.default_rng(pile.seed)
        classes = draw.permutation(np.unique(pile.truth[pile.truth >= 0]))
        named = classes[: len(classes) // 2]
        first, second = np.full((2, len(pile.truth)), -1)
        for k in named:
            rows = draw.permutation(np.flatnonzero(pile.truth == k))[:20]
            first[rows[:10]] = second[rows] = k
        return cls(pile, named, (first, second))

    @cached_property
    def ready(self) -> Prepared:
        """What the rounds of this pile share."""
        return prepare(self.pile.vectors, seed=self.pile.seed)

    @cached_property
    def guesses(self) -> tuple[Guess, Guess]:
        """The predictions of both rounds."""
        return Guess.of(self.ready, self.labels[0]), Guess.of(self.ready, self.labels[1])

    @cached_property
    def static(self) -> Floats:
        """The map on the page before the first round: (N, 2)."""
        return framed(self.pile.map("tsne"))

    @cached_property
    def inputs(self) -> Floats:
        """What a network or another package is given: (N, at most 128), the mean deviation one."""
        return self.ready.inputs[:, :WIDTH] / self.ready.inputs[:, :WIDTH].std()

    @cached_property
    def deep(self) -> Floats:
        """What the head of the second round gives: (N, 16)."""
        from shoal.losses import LOSSES
        from shoal.training import Head, Plan, train_head

        head, plan = Head(self.pile.vectors.shape[1], 16), Plan(seed=self.pile.seed, steps=100)
        build = LOSSES.load("silhouette").build
        return train_head(self.pile.vectors, self.labels[1], build, head=head, plan=plan).embed(
            self.pile.vectors
        )

    def graph(self, number: int) -> Graph:
        """Return the graph that round `number` lays out: similar vectors of like prediction."""
        points = np.concatenate([self.ready.inputs[:, :WIDTH], self.guesses[number].pull], axis=1)
        return affinities(nearest(np.ascontiguousarray(points), 30), 15)
