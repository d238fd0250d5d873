"""What every function here accepts, and the refusals of everything else."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal.arrays import as_array, as_labels, is_whole
from shoal.types import ShoalError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LARGEST = 1e150
"""Larger values are taken for mistakes: beside them all others vanish."""
HELD = 1 << 15
"""How many numbers of the vectors are worked on at once: 256 KiB, which stay in the cache."""


ORDINARY = 16
"""Where the largest number is from 2^-17 to 2^16 no square is too large or too small, in float32 neither."""


class ValidityError(ShoalError):
    """Vectors, labels or a partition that an index refuses."""


def checked_vectors(vectors: ArrayLike, asked_by: str, what: str = "vectors") -> NDArray[Any]:
    """Return vectors (N, D), D > 0, as an array of real numbers; raise `ValidityError` on anything else."""
    try:
        x = as_array(vectors)
    except ValueError as problem:
        raise ValidityError(f"{asked_by} got {what} that are no array: {problem}") from problem
    if x.ndim != 2 or x.shape[1] == 0 or x.dtype.kind not in "fiu":
        raise ValidityError(
            f"{asked_by} got {what} of shape {x.shape} and {x.dtype}; it takes numbers (N, D)."
        )
    return x


def checked_labels(labels: ArrayLike, n: int, asked_by: str) -> Ints:
    """Return labels (n,), integers >= -1, as int64; raise `ValidityError` on anything else."""
    try:
        return as_labels(labels, n, "vectors")
    except ValueError as problem:
        raise ValidityError(f"{asked_by} got {problem}") from problem


def checked_k(k: int, least: int, most: int, asked_by: str, items: str) -> int:
    """Return k if it is an integer from `least` to `most`; raise `ValidityError` otherwise."""
    if not is_whole(k) or not least <= k <= most:
        raise ValidityError(
            f"{asked_by} got k={k} for {items}; k is an integer from {least} to {most}."
            if least <= most
            else f"{asked_by} got {items}, too few for any k."
        )
    return int(k)


@dataclass(frozen=True, slots=True)
class Centred:
    """N rows of `x`, in this order, as float64 of mean 0 and of ordinary size, computed when asked for.

    Numbers are seen from `first` (D,), one of the rows, and then from `mean` (D,). Where the largest is
    beyond `ORDINARY` all are divided by `unit`, a power of two: what is now 1 apart was so far apart.
    """

    x: NDArray[Any]
    order: Ints | None
    first: Floats
    mean: Floats
    exponent: int

    @classmethod
    def of(cls, x: NDArray[Any], order: Ints | None, asked_by: str, what: str = "vectors") -> Self:
        """Measure the rows `order` (N,) of x, all of them different, or all rows as they lie (None).

        Raises `ValidityError` where a number is NaN, infinite or too large.
        """
        n = len(x) if order is None else len(order)
        if not n:
            return cls(x, order, np.zeros(x.shape[1]), np.zeros(x.shape[1]), 0)
        first = x[0 if order is None else order[0]].astype(np.float64)
        # the mean needs no order: rows are read as they lie
        with np.errstate(invalid="ignore", over="ignore"):  # what is refused below
            mean, widest = _from_first(x, None if order is None or n == len(x) else np.sort(order), first, n)
        far = float(np.abs(first).max())
        if not max(widest, far) < LARGEST / 4:  # a NaN fails every comparison
            _check_finite(x if order is None else x[order], asked_by, what)
        return cls.seen_from(x, order, first, mean, widest)

    @classmethod
    def seen_from(
        cls, x: NDArray[Any], order: Ints | None, first: Floats, mean: Floats, widest: float
    ) -> Self:
        """Return rows seen from `first` (D,), then from `mean` (D,); about the largest number is `widest`."""
        if 0.0 < float(np.abs(first).max()) <= widest:
            # near the origin one difference is as exact as two
            first, mean = first + mean, np.zeros_like(mean)
        return cls(x, order, first, mean, 0 if ordinary(widest) else int(np.frexp(widest)[1]))

    def __len__(self) -> int:
        return len(self.x) if self.order is None else len(self.order)

    @property
    def unit(self) -> float:
        """How far apart what is now 1 apart was: a power of two."""
        return math.ldexp(1.0, self.exponent)

    def rows(self, rows: slice, out: Floats, about: Floats | None = None) -> Floats:
        """Write some rows (B, D) into `out`, which has that shape, and return it.

        Seen from `about` (D,), where one is given, instead of `first` and `mean`.
        """
        for part in row_blocks(out):
            here = slice(rows.start + part.start, rows.start + part.stop)
            self._see(
                self.x[here] if self.order is None else self.x.take(self.order[here], axis=0),
                out[part],
                about,
            )
        return out

    def some(self, places: Ints) -> Floats:
        """Return the rows at some places (B, D), the same bits as `rows` gives."""
        given = self.x.take(places if self.order is None else self.order[places], axis=0)
        return self._see(given, np.empty(given.shape), None)

    def _see(self, given: NDArray[Any], out: Floats, about: Floats | None) -> Floats:
        # from the first item, then from the mean: items that are all equal become exactly 0
        np.subtract(given, self.first if about is None else about, out=out)
        if about is None and self.mean.any():
            out -= self.mean
        lift = min(-self.exponent, 1000)  # the reciprocal of what is hardly a number may be none
        if lift:
            out *= math.ldexp(1.0, lift)
        if lift < -self.exponent:
            out *= math.ldexp(1.0, -self.exponent - lift)
        return out

    def all(self) -> Floats:
        """Return all rows (N, D)."""
        return self.rows(slice(0, len(self)), np.empty((len(self), self.x.shape[1])))


def _from_first(x: NDArray[Any], order: Ints | None, first: Floats, n: int) -> tuple[Floats, float]:
    """Return the mean (D,) of n rows of x (N, D) seen from `first` (D,), and the largest number among them.

    That number is at least half and at most twice as large as the largest seen from the mean.
    """
    held = np.empty((min(n, max(1, HELD // x.shape[1])), x.shape[1]))
    mean, low, high = np.zeros_like(first), 0.0, 0.0
    for start in range(0, n, len(held)):
        rows = slice(start, min(start + len(held), n))
        block = held[: rows.stop - start]
        block[:] = x[rows] if order is None else x.take(order[rows], axis=0)
        block -= first
        # numpy's minimum of a NaN is a NaN, Python's is not
        low, high = np.minimum(low, block.min()), np.maximum(high, block.max())
        mean += np.ones(len(block)) @ block
    return mean / n, float(np.maximum(-low, high))


def ordinary(widest: float) -> bool:
    """Return whether numbers of which this is the largest are of ordinary size, or all 0."""
    return widest == 0.0 or (math.isfinite(widest) and abs(math.frexp(widest)[1]) <= ORDINARY)


def row_blocks(points: NDArray[Any]) -> Iterator[slice]:
    """Yield slices that cover the rows of points (N, D), `HELD` numbers at a time."""
    size = max(1, HELD // points.shape[1])
    return (slice(i, min(i + size, len(points))) for i in range(0, len(points), size))


def _check_finite(x: NDArray[Any], asked_by: str, what: str) -> None:
    bad = int((~(np.abs(x.astype(np.float64)) < LARGEST)).any(axis=1).sum())
    if bad:
        raise ValidityError(
            f"{asked_by} got {bad} of {len(x)} {what} with NaN, infinite or immense values "
            f"({LARGEST:g} or more); leave those items out (label them -1) or repair them."
        )
