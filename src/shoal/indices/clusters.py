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

HELD = 1 << 18
"""How many distances of items to class means are held at once: 2 MiB, which stay in the cache."""


LARGEST = 1e150
"""Larger values have no square in float64."""
SAME = 1e-24
"""Squared distances to a mean below this share of its squared norm may be rounding."""


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
        if y.min(initial=0) == UNLABELLED:
            known = np.flatnonzero(y != UNLABELLED)
            x, y = x[known], y[known]
        places, counts = dense(y)
        if len(counts) < 2:
            raise ValidityError(
                f"{asked_by} got {len(counts)} classes in {len(y)} labelled items (-1 is unlabelled); "
                "it compares at least two."
            )
        order = np.argsort(places, kind="stable")
        # from the first item, then from the mean: items that are all equal become exactly 0
        points = x.take(order, axis=0).astype(np.float64)
        finite(points, asked_by)
        points -= points[0].copy()
        points -= points.mean(axis=0)
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return cls(points, np.repeat(np.arange(len(counts)), counts), counts, starts)

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
        return self._means_and_squares[0]

    @cached_property
    def squares(self) -> Floats:
        """Each point's squared distance to its own class's mean (N,)."""
        return self._means_and_squares[1]

    @cached_property
    def _means_and_squares(self) -> tuple[Floats, Floats]:
        means, squares = np.empty((self.k, self.points.shape[1])), np.empty(len(self))
        for k in range(self.k):
            members = self.members(k)
            means[k], found = _about_mean(members, np.ones(len(members)) @ members / len(members))
            if found.max() <= SAME * (means[k] @ means[k]):
                # perhaps one point only, from whose mean rounding must not keep it apart
                rest = members - members[0]
                means[k], found = _about_mean(members, members[0] + rest.mean(axis=0))
            squares[self.starts[k] : self.starts[k + 1]] = found
        return means, squares

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
        """Yield slices that cover all rows, so many at a time that `HELD` distances to means are held."""
        size = max(64, HELD // self.k)
        return (slice(i, min(i + size, len(self))) for i in range(0, len(self), size))

    def to_means(self) -> Iterator[tuple[slice, Floats]]:
        """Yield rows and their squared distances to every class mean (B, K), block by block."""
        lengths = np.einsum("kd,kd->k", self.means, self.means)
        for rows in self.blocks():
            x = self.points[rows]
            squares = x @ (-2.0 * self.means.T)
            squares += lengths
            squares += np.einsum("nd,nd->n", x, x)[:, None]
            yield rows, np.maximum(squares, 0.0, out=squares)


def _about_mean(members: Floats, mean: Floats) -> tuple[Floats, Floats]:
    """Return `mean` (D,) and the squared distances to it (n,), a piece at a time that stays in the cache."""
    squares = np.empty(len(members))
    for start in range(0, len(members), 1024):
        rest = members[start : start + 1024] - mean
        squares[start : start + 1024] = np.einsum("nd,nd->n", rest, rest)
    return mean, squares


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


def dense(labels: Ints) -> tuple[NDArray[Any], Ints]:
    """Return each item's place among the classes that occur (N,), ascending, and their counts (K,)."""
    if len(labels) and labels.max() < 1 << 16:
        # small whole numbers are counted and sorted without comparisons
        counts = np.bincount(labels)
        occurs = counts > 0
        return (np.cumsum(occurs) - 1).astype(np.uint16)[labels], counts[occurs].astype(np.int64)
    _, places, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return places, counts.astype(np.int64)


def finite(points: Floats, asked_by: str) -> None:
    """Raise `ValidityError` if any of the labelled points (N, D) is NaN, infinite, or too large to square."""
    # a NaN fails every comparison
    if not max(points.max(), -points.min()) < LARGEST:
        bad = int((~(np.abs(points) < LARGEST)).any(axis=1).sum())
        raise ValidityError(
            f"{asked_by} got {bad} of {len(points)} labelled vectors with NaN, infinite or immense values "
            f"({LARGEST:g} or more); label those items -1 or repair them."
        )
