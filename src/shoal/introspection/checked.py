"""What introspection accepts: checked once, at its public calls."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal.arrays import as_array, as_labels, is_whole
from shoal.types import UNLABELLED, ShoalError

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


class IntrospectionError(ShoalError):
    """Introspection refuses its layers, its labels or a setting."""


def array_of(who: str, what: str, value: Any) -> NDArray[Any]:
    """Return value as an array; raise `IntrospectionError` where it is none."""
    try:
        return as_array(value)
    except ValueError as problem:
        raise IntrospectionError(f"{who} got {what} that are no array: {problem}") from problem


def check_count(who: str, name: str, value: Any, least: int = 1) -> None:
    """Raise `IntrospectionError` unless a setting is a whole number of `least` or more."""
    if not is_whole(value) or value < least:
        raise IntrospectionError(f"{who} got {name}={value!r}; it takes a whole number, {least} or more.")


def labelled_rows(who: str, labels: ArrayLike, items: int) -> tuple[Ints, Ints]:
    """Return the positions (M,) that are labelled and their labels (M,) int64.

    Raises `IntrospectionError` unless there is one integer >= -1 an item, of two classes or more.
    """
    try:
        whole = as_labels(labels, items)
    except ValueError as problem:
        raise IntrospectionError(f"{who} got {problem}") from problem
    known = np.flatnonzero(whole != UNLABELLED)
    if len(np.unique(whole[known])) < 2:
        raise IntrospectionError(f"{who} got labels of fewer than two classes; label items of two or more.")
    return known, whole[known]
