"""Labelled vectors, sorted by class: checked once, and what every index asks of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal.types import UNLABELLED, ShoalError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ROWS = 1 << 15
"""How many rows are held against all class means at once."""


class ValidityError(ShoalError):
    """Vectors, labels or a partition that an index refuses."""


@dataclass(frozen=True)
class Clusters:
    """N labelled vectors in K >= 2 classes, sorted by class, float64, shifted so that their mean is 0.

    `points` is (N, D), `counts` (K,), class k is the rows `starts[k]` to `starts[k + 1]`, `places` (N,) is
    each row's class 0 to K-1. The shift costs no index anything and keeps digits where the data lie far from
    the origin. One float64 copy of the labelled vectors is all that is held.
    """

    points: Floats
    places: Ints
    counts: Ints
    starts: Ints

    @classmethod
    def of(cls, vectors: ArrayLike, labels: ArrayLike, *, asked_by: str = "Clusters.of") -> Self:
        """Check and sort vectors (N, D), labels (N,) int; -1 items are left out whatever their values.

        Raises `ValidityError`, in the name of `asked_by`, as `Index` says.
        """
        x, y = checked(vectors, labels, asked_by)
        known = np.flatnonzero(y != UNLABELLED)
        classes, places = np.unique(y[known], return_inverse=True)
        if len(classes) < 2:
            raise ValidityError(
                f"{asked_by} got {len(classes)} classes in {len(known)} labelled items (-1 is unlabelled); "
                "it compares at least two."
            )
        order = np.argsort(places, kind="stable")
        # from the first item, then from the mean: items that are all equal become exactly 0
        points = x[known[order]].astype(np.float64)
        points -= points[0].copy()
        finite(points, asked_by)
        points -= points.mean(axis=0)
        counts = np.bincount(places).astype(np.int64)
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return cls(points, places[order].astype(np.int64), counts, starts)

    def __len__(self) -> int:
        return len(self.points)

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
    def means(self) -> Floats:
        """Each class's mean (K, D); exact where the items of a class are all equal."""
        means = np.empty((self.k, self.points.shape[1]))
        for k in range(self.k):
            members = self.members(k)
            means[k] = members[0] + (members - members[0]).mean(axis=0)
        return means

    @cached_property
    def squares(self) -> Floats:
        """Each point's squared distance to its own class's mean (N,)."""
        squares = np.empty(len(self))
        for rows in self.blocks():
            rest = self.points[rows] - self.means[self.places[rows]]
            squares[rows] = np.einsum("nd,nd->n", rest, rest)
        return squares

    @cached_property
    def spreads(self) -> Floats:
        """Each class's mean squared distance to its mean (K,)."""
        return self.per_class(self.squares) / self.counts

    @cached_property
    def radii(self) -> Floats:
        """Each class's mean distance to its mean (K,)."""
        return self.per_class(np.sqrt(self.squares)) / self.counts

    @cached_property
    def between_means(self) -> Floats:
        """Distances of class means (K, K), infinite on the diagonal."""
        from scipy.spatial.distance import cdist

        distances: Floats = cdist(self.means, self.means)
        np.fill_diagonal(distances, np.inf)
        return distances

    @cached_property
    def from_centre(self) -> Floats:
        """Each class mean's distance to the mean of all items (K,)."""
        lengths: Floats = np.sqrt(np.einsum("kd,kd->k", self.means, self.means))
        return lengths

    def blocks(self) -> Iterator[slice]:
        """Yield slices that cover all rows, `ROWS` at a time."""
        return (slice(i, min(i + ROWS, len(self))) for i in range(0, len(self), ROWS))

    def to_means(self) -> Iterator[tuple[slice, Floats]]:
        """Yield rows and their squared distances to every class mean (B, K), block by block."""
        lengths = np.einsum("kd,kd->k", self.means, self.means)
        for rows in self.blocks():
            x = self.points[rows]
            squares = x @ (-2.0 * self.means.T)
            squares += lengths
            squares += np.einsum("nd,nd->n", x, x)[:, None]
            yield rows, np.maximum(squares, 0.0, out=squares)


def checked(vectors: ArrayLike, labels: ArrayLike, asked_by: str) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return both as arrays, (N, D) and (N,) int64; raise `ValidityError` on other shapes and dtypes."""
    x, y = np.asarray(vectors), np.asarray(labels)
    if x.ndim != 2 or x.shape[1] == 0 or x.dtype.kind not in "fiu":
        raise ValidityError(
            f"{asked_by} got vectors of shape {x.shape} and {x.dtype}; it takes numbers (N, D)."
        )
    if y.shape != x.shape[:1] or y.dtype.kind not in "iu":
        raise ValidityError(
            f"{asked_by} got labels of shape {y.shape} and {y.dtype} for {len(x)} vectors; "
            "it takes one integer an item, -1 for unlabelled."
        )
    if len(y) and y.min() < UNLABELLED:
        raise ValidityError(f"{asked_by} got the label {y.min()}; labels are >= 0, or -1 for unlabelled.")
    return x, y.astype(np.int64)


def finite(points: Floats, asked_by: str) -> None:
    """Raise `ValidityError` if any of the labelled points (N, D) is NaN or infinite."""
    # a sum is finite unless something in it is not, or it overflows, which squares would do too
    if not np.isfinite(points.sum()):
        bad = int((~np.isfinite(points)).any(axis=1).sum())
        raise ValidityError(
            f"{asked_by} got {bad} of {len(points)} labelled vectors with NaN, infinite or immense values; "
            "label those items -1 or repair them."
        )
