"""Arrays of what people hand in: arrays, nested lists, data frames, tensors of any device and precision."""

import sys
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.types import UNLABELLED

AT_ONCE = 1 << 17
"""So many numbers are brought to length one at a time, lest the squares of all lie in memory beside them."""
ORDINARY = 1e-9, 1e18
"""Squares of vectors of such lengths keep their digits in float32."""


def as_array(value: Any) -> NDArray[Any]:
    """Return value as an array; a tensor's values come without its gradient, bfloat16 ones as float32.

    Raises `ValueError` saying why where it is no array (rows of different lengths, a sparse tensor), and
    where values of a masked array are masked: numpy would take what lies under the mask.
    """
    torch = sys.modules.get("torch")  # where torch is not loaded nobody has a tensor
    try:
        if torch is not None and isinstance(value, torch.Tensor):
            known = (torch.float16, torch.float32, torch.float64)
            tensor = value.float() if value.is_floating_point() and value.dtype not in known else value
            return np.asarray(tensor.numpy(force=True))
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as problem:
        raise ValueError(str(problem).partition("\n")[0]) from problem
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ValueError("some values are masked; fill them in, or leave those items out.")
    return array


def as_labels(labels: Any, items: int | None = None, what: str = "items") -> NDArray[np.int64]:
    """Return labels (N,), integers from 0 or -1 for unlabelled, as int64.

    Raises `ValueError` on anything else, and unless there is one for each of `items` where that is given;
    the message goes on from "somebody got".
    """
    try:
        y = as_array(labels)
    except ValueError as problem:
        raise ValueError(f"labels that are no array: {problem}") from problem
    if y.ndim != 1 or (y.dtype.kind not in "iu" and len(y)) or (items is not None and len(y) != items):
        count = "" if items is None else f" for {items} {what}"
        raise ValueError(
            f"labels of shape {y.shape} and {y.dtype}{count}; "
            "it takes one integer an item, -1 for unlabelled."
        )
    if len(y) and y.min() < UNLABELLED:
        raise ValueError(f"the label {y.min()}; labels are >= 0, or -1 for unlabelled.")
    if y.dtype == np.uint64 and len(y) and y.max() > np.iinfo(np.int64).max:
        # as int64 these would be negative, and the largest of all would be -1
        raise ValueError(f"the label {y.max()}; labels are below 2^63. Number the classes from 0.")
    return y.astype(np.int64, copy=False)


def unit_vectors(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return vectors (N, D) scaled to length 1 as float32, whatever their size; one of zeros stays zero."""
    unit = np.empty(vectors.shape, np.float32)
    step = max(1, AT_ONCE // max(1, vectors.shape[1]))
    for start in range(0, len(vectors), step):
        rows = vectors[start : start + step]
        rows = rows if rows.dtype == np.float64 else rows.astype(np.float32, copy=False)
        lengths = _lengths(rows)
        odd = np.flatnonzero(~((lengths > ORDINARY[0]) & (lengths < ORDINARY[1])))
        if len(odd):
            # a power of two costs no digit, and squares neither overflow nor vanish then
            exponents = np.frexp(np.abs(rows[odd]).max(axis=1, keepdims=True, initial=0))[1]
            rows = rows.copy()
            rows[odd] = np.ldexp(rows[odd], -exponents)
            lengths[odd] = _lengths(rows[odd])
            lengths[lengths == 0] = 1
        np.divide(rows, lengths, out=unit[start : start + step], casting="same_kind")
    return unit


def _lengths(rows: NDArray[Any]) -> NDArray[Any]:
    with np.errstate(over="ignore"):  # those are measured again
        lengths: NDArray[Any] = np.linalg.norm(rows, axis=1, keepdims=True)
    return lengths


def plain_number(value: Any) -> Any:
    """Return a number of numpy's, or of anybody else's, as Python's own; anything else as it is."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else value


def is_whole(value: Any) -> bool:
    """Return whether value is a whole number, Python's or numpy's; True and 2.0 are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Return whether value is a finite real number, Python's or numpy's; True is none."""
    return isinstance(value, Real) and not isinstance(value, bool) and bool(np.isfinite(float(value)))
