"""What a round accepts: checked once, at its public calls."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal.types import NONE_OF_THESE, UNLABELLED, ShoalError

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


class LearningError(ShoalError):
    """A round refuses its input."""


def checked_vectors(who: str, vectors: NDArray[np.floating]) -> None:
    """Raise `LearningError` unless vectors are an array of numbers (N, D), D > 0, all finite in float32."""
    _checked_array(who, "vectors", vectors, "floats (N, D)")
    if vectors.ndim != 2 or vectors.dtype.kind != "f" or (len(vectors) and not vectors.shape[1]):
        raise LearningError(
            f"{who} got vectors of shape {vectors.shape} and type {vectors.dtype}; it takes floats (N, D)."
        )
    with np.errstate(over="ignore"):  # those are refused
        # two passes without a table of booleans; a NaN is the least and the largest
        extremes = np.array([vectors.min(initial=0), vectors.max(initial=0)]).astype(np.float32)
        if np.isfinite(extremes).all():
            return
        bad = np.flatnonzero(~np.isfinite(vectors.astype(np.float32)).all(axis=1))
    raise LearningError(
        f"{who} got {bad.size} vectors that are not finite in float32 (the first: row {bad[0]}); "
        "leave those items out or embed them again."
    )


def checked_labels(who: str, labels: ArrayLike, items: int) -> Ints:
    """Return labels (N,) as int64; raise `LearningError` unless whole, from -2 up, of two kinds.

    The kinds are classes, one at least, and none of these.
    """
    array = np.asarray(labels)
    if array.shape != (items,) or array.dtype.kind not in "iu" or (items and array.min() < NONE_OF_THESE):
        raise LearningError(
            f"{who} got labels of shape {array.shape} and type {array.dtype} for {items} items; "
            f"it takes whole numbers ({items},), {UNLABELLED}: unlabelled, {NONE_OF_THESE}: none of these."
        )
    classes = np.unique(array[array >= 0])
    if not len(classes) or len(classes) + (array == NONE_OF_THESE).any() < 2:
        have = "labels of one class only" if len(classes) else "no labelled item"
        raise LearningError(
            f"{who} got {have}; label items of two classes, or of one class and some that are none of these, "
            "then learn."
        )
    return array.astype(np.int64)


def checked_start(who: str, start: NDArray[np.floating] | None, items: int) -> Floats | None:
    """Return positions (N, 2) as float32, None where none is known; raise `LearningError` for others."""
    if start is None:
        return None
    wanted = f"({items}, 2) with NaN rows where an item has no place yet"
    _checked_array(who, "a start", start, wanted)
    if start.shape != (items, 2) or start.dtype.kind not in "fiu":
        raise LearningError(
            f"{who} got a start of shape {start.shape} and type {start.dtype} for {items} items; "
            f"it takes {wanted}."
        )
    floats: Floats = np.asarray(start, np.float32)
    return floats if np.isfinite(floats).all(axis=1).any() else None


def checked_gestures(who: str, gestures: ArrayLike | None, items: int) -> Ints | None:
    """Return the numbers of gestures (N,) as int64; raise `LearningError` unless whole, one an item."""
    if gestures is None:
        return None
    array = np.asarray(gestures)
    if array.shape != (items,) or array.dtype.kind not in "iu":
        raise LearningError(
            f"{who} got gestures of shape {array.shape} and type {array.dtype} for {items} items; "
            f"it takes whole numbers ({items},)."
        )
    return array.astype(np.int64)


def checked_rejected(
    who: str, rejected: tuple[ArrayLike, ArrayLike] | None, items: int
) -> tuple[Ints, Ints] | None:
    """Return rejected rows (M,) and labels (M,) as int64; `LearningError` for rows that there are not."""
    if rejected is None:
        return None
    pair = [np.asarray(part) for part in rejected]
    shapes = {part.shape for part in pair}
    if len(pair) != 2 or len(shapes) > 1 or pair[0].ndim != 1 or not all(p.dtype.kind in "iu" for p in pair):
        raise LearningError(
            f"{who} got rejected of shapes {[part.shape for part in pair]} and types "
            f"{[str(part.dtype) for part in pair]}; it takes rows (M,) and labels (M,), whole numbers."
        )
    rows, labels = (part.astype(np.int64) for part in pair)
    if len(rows) and not 0 <= rows.min() <= rows.max() < items:
        raise LearningError(
            f"{who} got rejected rows from {rows.min()} to {rows.max()}; it takes rows from 0 to {items - 1}."
        )
    return rows, labels


def _checked_array(who: str, what: str, given: object, wanted: str) -> None:
    if not isinstance(given, np.ndarray):
        raise LearningError(f"{who} got {what} as {type(given).__name__}; it takes a NumPy array: {wanted}.")
