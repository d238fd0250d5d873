"""What training accepts: checked once, at its public calls."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal.types import UNLABELLED, ShoalError

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]


class TrainingError(ShoalError):
    """Training refuses its vectors, its labels or a setting."""


def checked_labels(who: str, labels: ArrayLike, items: int) -> Labels:
    """Return labels (N,) as int64; raise `TrainingError` unless there is one integer >= -1 an item."""
    rows = np.asarray(labels)
    if rows.shape != (items,) or rows.dtype.kind not in "iu":
        raise TrainingError(
            f"{who} got labels of shape {rows.shape} and {rows.dtype} for {items} items; it takes one "
            "integer an item, -1 for unlabelled."
        )
    whole = rows.astype(np.int64)
    if len(whole) and whole.min() < UNLABELLED:
        raise TrainingError(
            f"{who} got the label {whole.min()}; labels are 0 or above, or -1 for unlabelled."
        )
    return whole


def checked_vectors(who: str, vectors: NDArray[np.floating], width: int | None = None) -> None:
    """Raise `TrainingError` unless vectors are numbers (N, D), of the given width where there is one."""
    if vectors.ndim != 2 or vectors.dtype.kind != "f" or not vectors.shape[1]:
        raise TrainingError(
            f"{who} got vectors of shape {vectors.shape} and {vectors.dtype}; it takes floating-point rows "
            "(N, D)."
        )
    if width is not None and vectors.shape[1] != width:
        raise TrainingError(
            f"{who} is made for vectors {width} wide and got {vectors.shape[1]}; both must come from the "
            "same layer of the same backbone."
        )


def finite_rows(who: str, vectors: NDArray[np.floating], rows: Labels) -> Floats:
    """Return the rows (M,) of vectors (N, D) as float32; raise `TrainingError` naming those not finite."""
    chosen: Floats = vectors[rows].astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(chosen).all(axis=1))
    if bad.size:
        raise TrainingError(
            f"{who} got {bad.size} labelled vectors with NaN or infinite values (the first: row "
            f"{rows[bad[0]]}); label those items -1 or embed them again."
        )
    return chosen


def need_two_classes(who: str, labels: Labels) -> Labels:
    """Return the classes (K,) that occur, ascending; raise `TrainingError` where there are fewer than two."""
    classes = np.unique(labels[labels != UNLABELLED])
    if len(classes) < 2:
        have = "no labelled item" if not len(classes) else "labels of one class only"
        raise TrainingError(f"{who} got {have}; label items of at least two classes first.")
    return classes
