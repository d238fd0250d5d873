"""What training accepts: checked once, at its public calls."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal.arrays import as_array, as_labels, is_whole
from shoal.types import UNLABELLED, Embedding, ShoalError

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]
Vectors = ArrayLike | Embedding
"""Rows (N, D): an array, an `Embedding`, nested lists, or a tensor."""


class TrainingError(ShoalError):
    """Training refuses its vectors, its labels or a setting."""


def checked_labels(who: str, labels: ArrayLike, items: int | None = None) -> Labels:
    """Return labels (N,) as int64; raise `TrainingError` unless there is one integer >= -1 an item.

    Arrays, lists and tensors of any device are taken; without `items` there may be any number of them.
    """
    try:
        return as_labels(labels, items)
    except ValueError as problem:
        raise TrainingError(f"{who} got {problem}") from problem


def checked_vectors(who: str, vectors: Vectors, width: int | None = None) -> NDArray[np.floating]:
    """Return vectors (N, D) as an array, not copied where they are one; `width` is their D, where given.

    An `Embedding`'s vectors, arrays, lists and tensors of any device and precision are taken, a tensor's
    values without its gradient. Raises `TrainingError` for anything but floating-point rows.
    """
    try:
        rows = as_array(vectors.vectors if isinstance(vectors, Embedding) else vectors)
    except ValueError as problem:
        raise TrainingError(f"{who} got vectors that are no array: {problem}") from problem
    if rows.ndim != 2 or rows.dtype.kind != "f" or not rows.shape[1]:
        raise TrainingError(
            f"{who} got vectors of shape {rows.shape} and {rows.dtype}; it takes floating-point rows (N, D)."
        )
    if width is not None and rows.shape[1] != width:
        raise TrainingError(
            f"{who} is made for vectors {width} wide and got {rows.shape[1]}; both must come from the "
            "same layer of the same backbone."
        )
    return rows


def checked_numbers(who: str, what: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return arrays, lists or tensors of numbers as float64; raise `TrainingError` for anything else."""
    try:
        rows = as_array(values)
    except ValueError as problem:
        raise TrainingError(f"{who} got {what} that are no array: {problem}") from problem
    if rows.dtype.kind not in "fiub":
        raise TrainingError(f"{who} got {what} of {rows.dtype}; it takes numbers.")
    return rows.astype(np.float64)


def checked_whole(who: str, *, at_least: int, **settings: int) -> None:
    """Raise `TrainingError` unless all settings are whole numbers not below `at_least`."""
    for name, value in settings.items():
        if not is_whole(value) or not at_least <= value < 2**63:
            raise TrainingError(f"{who} got {name}={value!r}; it takes a whole number, {at_least} or more.")


def checked_device(who: str, device: str) -> None:
    """Raise `TrainingError` unless torch knows the device and this machine has it."""
    from shoal.networks import device_problem

    problem = device_problem(device)
    if problem is not None:
        raise TrainingError(f"{who} got device={device!r}, which cannot be used here: {problem}")


def finite_rows(who: str, vectors: NDArray[np.floating], rows: Labels) -> Floats:
    """Return the rows (M,) of vectors (N, D) as float32; raise `TrainingError` naming those not finite."""
    chosen: Floats = vectors[rows].astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(chosen).all(axis=1))
    if bad.size:
        raise TrainingError(
            f"{who} got {bad.size} labelled vectors with NaN or infinite values, as float32 (the first: "
            f"row {rows[bad[0]]}); label those items -1 or embed them again."
        )
    return chosen


def need_two_classes(who: str, labels: Labels) -> Labels:
    """Return the classes (K,) that occur, ascending; raise `TrainingError` where there are fewer than two."""
    classes = np.unique(labels[labels != UNLABELLED])
    if len(classes) < 2:
        have = "no labelled item" if not len(classes) else "labels of one class only"
        raise TrainingError(f"{who} got {have}; label items of at least two classes first.")
    return classes
