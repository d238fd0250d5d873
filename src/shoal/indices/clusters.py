"""Labelled vectors, sorted by class: checked once, and what every index asks of them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal.indices.checks import (
    LARGEST,
    Centred,
    Floats,
    Ints,
    ValidityError,
    checked_labels,
    checked_vectors,
    ordinary,
    row_blocks,
)
from shoal.types import UNLABELLED

HELD = 1 << 18
"""How many distances of items or class means to class means, or numbers of items, are held: 2 MiB."""
ROUNDING = 4.0 * float(np.finfo(np.float64).eps)
"""A mean of n numbers is off by about this share of the largest, times the root of n."""


@dataclass(frozen=True)
class Clusters:
    """N labelled vectors in K >= 2 classes, sorted by class: float64, mean 0, of ordinary size.

    `points` is (N, D), a copy that is made when first asked for, `counts` (K,), class k is the rows
    `starts[k]` to `starts[k + 1]`, `places` (N,) is each row's class 0 to K-1. `means` (K, D) are exact where
    the items of a class are all equal, `squares` (N,) the squared distances to the own class's mean. Points d
    apart were `unit` times d apart, 1 or a power of two, so that no digit is lost. The shift keeps digits
    where the data lie far from the origin, the unit keeps squares from overflow and from vanishing.
    """

    centred: Centred
    places: Ints
    counts: Ints
    starts: Ints
    means: Floats
    squares: Floats

    @classmethod
    def of(cls, vectors: ArrayLike, labels: ArrayLike, *, asked_by: str = "Clusters.of") -> Self:
        """Check and sort vectors (N, D), labels (N,) int; -1 items are left out whatever their values.

        What is done to the vectors afterwards changes nothing. Raises `ValidityError`, in the name of
        `asked_by`, as `Index` says.
        """
        clusters = cls.passing(vectors, labels, asked_by=asked_by)
        assert len(clusters.points) == len(clusters)  # copied now
        return clusters

    @classmethod
    def passing(cls, vectors: ArrayLike, labels: ArrayLike, *, asked_by: str) -> Self:
        """Return the same for one use at once: the vectors are read again whenever they are needed."""
        x = checked_vectors(vectors, asked_by)
        y = checked_labels(labels, len(x), asked_by)
        known = np.flatnonzero(y != UNLABELLED) if y.min(initial=0) == UNLABELLED else None
        places, counts = dense(y if known is None else y[known])
        if len(counts) < 2:
            raise ValidityError(
                f"{asked_by} got {len(counts)} classes in {len(places)} labelled items (-1 is unlabelled); "
                "it compares at least two."
            )
        order = np.argsort(places, kind="stable")
        order = order if known is None else known[order]
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        measured = _centred(x, order, starts, asked_by)
        return cls(measured[0], np.repeat(np.arange(len(counts)), counts), counts, starts, *measured[1:])

    def __len__(self) -> int:
        return len(self.places)

    @cached_property
    def points(self) -> Floats:
        """The vectors (N, D), class after class."""
        return self.centred.all()

    @property
    def unit(self) -> float:
        """How far apart points were that are now 1 apart."""
        return self.centred.unit

    @property
    def width(self) -> int:
        """The number of dimensions, D."""
        return int(self.centred.x.shape[1])

    @property
    def k(self) -> int:
        """The number of classes."""
        return len(self.counts)

    def members(self, k: int) -> Floats:
        """Return the points of class k (n, D), a view."""
        return self.points[self.starts[k] : self.starts[k + 1]]

    def per_class(self, values: NDArray[Any]) -> Floats:
        """Return the sum of values (N,) or (N, M) over each class."""
        sums: Floats = np.add.reduceat(values, self.starts[:-1], axis=0)
        return sums

    @cached_property
    def spreads(self) -> Floats:
        """Each class's mean squared distance to its mean (K,)."""
        return self.per_class(self.squares) / self.counts

    @cached_property
    def radii(self) -> Floats:
        """Each class's mean distance to its mean (K,)."""
        return self.per_class(np.sqrt(self.squares)) / self.counts

    def between_means(self) -> Iterator[tuple[slice, Floats]]:
        """Yield rows and the distances (B, K) of these class means to all, some at a time: K^2 may be much.

        Infinite from a mean to itself; 0 where rounding alone may part two.
        """
        size = max(1, HELD // self.k)
        for start in range(0, self.k, size):
            rows = slice(start, min(start + size, self.k))
            yield rows, self.from_means(rows)

    def from_means(self, rows: slice) -> Floats:
        """Return the same for some rows."""
        from scipy.spatial.distance import cdist

        distances: Floats = cdist(self.means[rows], self.means)
        distances[distances <= self._unsure[rows, None] + self._unsure] = 0.0
        np.fill_diagonal(distances[:, rows], np.inf)
        return distances

    @cached_property
    def _unsure(self) -> Floats:
        """By how much rounding may have moved each class mean (K,)."""
        widest = np.sqrt(np.maximum.reduceat(self.squares, self.starts[:-1]))
        unsure: Floats = ROUNDING * (_lengths(self.means) + np.sqrt(self.counts) * widest)
        return unsure

    @cached_property
    def nearest_means(self) -> Floats:
        """Each class mean's distance to the nearest other (K,); 0 where rounding alone may part two."""
        return np.concatenate([distances.min(axis=1) for _, distances in self.between_means()])

    @cached_property
    def from_centre(self) -> Floats:
        """Each class mean's distance to the mean of all items (K,); 0 where it may be rounding alone."""
        lengths = _lengths(self.means)
        widest = lengths.max() + math.sqrt(self.squares.max())
        lengths[lengths <= ROUNDING * math.sqrt(len(self)) * widest] = 0.0
        return lengths

    def blocks(self) -> Iterator[slice]:
        """Yield slices that cover all rows, `HELD` numbers or distances to means at a time."""
        size = max(64, HELD // max(self.k, self.width))
        return (slice(i, min(i + size, len(self))) for i in range(0, len(self), size))


def _centred(x: NDArray[Any], order: Ints, starts: Ints, asked_by: str) -> tuple[Centred, Floats, Floats]:
    """Return the rows `order` (N,) of x about their mean, the class means (K, D), the squares (N,) to these.

    Numbers of ordinary size are read once. Raises `ValidityError` as `Centred.of` does.
    """
    firsts = starts[:-1]
    first = x[order[0]].astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):  # what is refused below
        lying = Centred(x, order, first, np.zeros_like(first), 0)
        drifts, squares = _about_firsts(lying, starts)
        means = lying.some(firsts) + drifts
        widest = float(np.maximum(np.abs(means).max(), np.sqrt(squares.max())))
    if widest > 0.0 and ordinary(widest) and np.abs(first).max() < LARGEST / 4:
        mean = np.diff(starts) @ means / len(order)
        centred = Centred.seen_from(x, order, first, mean, widest)
    else:
        centred = Centred.of(x, order, asked_by, "labelled vectors")
        drifts, squares = _about_firsts(centred, starts)
    return centred, centred.some(firsts) + drifts, squares


def _about_firsts(centred: Centred, starts: Ints) -> tuple[Floats, Floats]:
    """Return how far each class's mean lies from its first item (K, D), and the squares (N,) to the means.

    Seen from one of its own a class keeps its digits wherever it lies, and equal items are exactly 0 apart.
    """
    assert centred.order is not None
    counts, width = np.diff(starts), centred.x.shape[1]
    drifts, squares = np.empty((len(counts), width)), np.empty(len(centred))
    held, ones = np.empty((counts.max(), width)), np.ones(counts.max())
    for k, n in enumerate(counts.tolist()):
        rows = slice(int(starts[k]), int(starts[k + 1]))
        first = centred.x[centred.order[rows.start]].astype(np.float64)
        members = centred.rows(rows, held[:n], about=first)
        drifts[k] = ones[:n] @ members / n
        for part in row_blocks(members):
            rest = members[part]
            rest -= drifts[k]
            np.einsum("nd,nd->n", rest, rest, out=squares[rows][part])
    return drifts, squares


def _lengths(rows: Floats) -> Floats:
    lengths: Floats = np.sqrt(np.einsum("kd,kd->k", rows, rows))
    return lengths


def squares_about(points: Floats, mean: Floats) -> Floats:
    """Return the squared distances of points (n, D) to `mean` (D,), some at a time that stay in the cache."""
    squares = np.empty(len(points))
    for rows in row_blocks(points):
        rest = points[rows] - mean
        squares[rows] = np.einsum("nd,nd->n", rest, rest)
    return squares


def dense(labels: Ints) -> tuple[NDArray[Any], Ints]:
    """Return each item's place among the classes that occur (N,), ascending, and their counts (K,)."""
    if len(labels) and labels.max() < 1 << 16:
        # small whole numbers are counted and sorted without comparisons
        counts = np.bincount(labels)
        occurs = counts > 0
        return (np.cumsum(occurs) - 1).astype(np.uint16)[labels], counts[occurs].astype(np.int64)
    _, places, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return places, counts.astype(np.int64)
