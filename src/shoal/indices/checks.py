"""What every function here accepts, and the refusals of everything else."""

import math
from collections.abc import Iterator
from typing import Any

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


def centred(
    x: NDArray[Any], order: Ints | None, asked_by: str, what: str = "vectors"
) -> tuple[Floats, float]:
    """Return x (N, D), or its rows in this order, as float64 of mean 0 and largest number 0.5 to 1.

    The second value is the unit, a power of two: what was d apart is d / unit apart. One copy is made. Raises
    `ValidityError` where a number is NaN, infinite or too large.
    """
    points = np.empty((len(x) if order is None else len(order), x.shape[1]))
    if not len(points):
        return points, 1.0
    first = x[0 if order is None else order[0]].astype(np.float64)
    mean = np.zeros_like(first)
    for rows in row_blocks(points):
        block = points[rows]
        block[:] = x[rows] if order is None else x.take(order[rows], axis=0)
        if not max(block.max(), -block.min()) < LARGEST:  # a NaN fails every comparison
            raise _not_finite(x if order is None else x[order], asked_by, what)
        # from the first item, then from the mean: items that are all equal become exactly 0
        block -= first
        mean += np.ones(len(block)) @ block
    mean /= len(points)
    largest = 0.0
    for rows in row_blocks(points):
        block = points[rows]
        block -= mean
        largest = max(largest, block.max(), -block.min())
    if largest == 0.0:
        return points, 1.0
    exponent = int(np.frexp(largest)[1])
    if exponent < -1000:  # its reciprocal may be no float64
        points *= 2.0**1000
    points *= math.ldexp(1.0, -exponent if exponent >= -1000 else -exponent - 1000)
    return points, math.ldexp(1.0, exponent)


def row_blocks(points: NDArray[Any]) -> Iterator[slice]:
    """Yield slices that cover the rows of points (N, D), `HELD` numbers at a time."""
    size = max(1, HELD // points.shape[1])
    return (slice(i, min(i + size, len(points))) for i in range(0, len(points), size))


def _not_finite(x: NDArray[Any], asked_by: str, what: str) -> ValidityError:
    bad = int((~(np.abs(x.astype(np.float64)) < LARGEST)).any(axis=1).sum())
    return ValidityError(
        f"{asked_by} got {bad} of {len(x)} {what} with NaN, infinite or immense values "
        f"({LARGEST:g} or more); leave those items out (label them -1) or repair them."
    )
