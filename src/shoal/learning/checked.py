"""What a round accepts: checked once, at its public calls."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal.types import NONE_OF_THESE, UNLABELLED, ShoalError

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


class LearningError(ShoalError):
    """A round refuses its input."""


def checked_vectors(who: str, vectors: NDArray[np.floating]) -> None:
    """Raise `LearningError` unless vectors are numbers (N, D), D > 0, all finite."""
    if vectors.ndim != 2 or vectors.dtype.kind != "f" or (len(vectors) and not vectors.shape[1]):
        raise LearningError(
            f"{who} got vectors of shape {vectors.shape} and type {vectors.dtype}; it takes floats (N, D)."
        )
    if not np.isfinite(vectors).all():
        bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
        raise LearningError(
            f"{who} got {bad.size} vectors that are not finite (the first: row {bad[0]}); "
            "leave those items out or embed them again."
        )


def checked_labels(who: str, labels: ArrayLike, items: int) -> Ints:
    """Return labels (N,) as int64; raise `LearningError` unless whole, from -2 up, of two classes or more."""
    array = np.asarray(labels)
    if array.shape != (items,) or array.dtype.kind not in "iu" or (items and array.min() < NONE_OF_THESE):
        raise LearningError(
            f"{who} got labels of shape {array.shape} and type {array.dtype} for {items} items; "
            f"it takes whole numbers ({items},), {UNLABELLED}: unlabelled, {NONE_OF_THESE}: none of these."
        )
    classes = np.unique(array[array >= 0])
    if len(classes) < 2:
        have = "labels of one class only" if len(classes) else "no labelled item"
        raise LearningError(f"{who} got {have}; label items of two classes or more, then learn.")
    return array.astype(np.int64)
