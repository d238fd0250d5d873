"""What introspection accepts: checked once, at its public calls."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal.types import UNLABELLED, ShoalError

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


class IntrospectionError(ShoalError):
    """Introspection refuses its layers, its labels or a setting."""


def labelled_rows(who: str, labels: ArrayLike, items: int) -> tuple[Ints, Ints]:
    """Return the positions (M,) that are labelled and their labels (M,) int64.

    Raises `IntrospectionError` unless there is one integer >= -1 an item, of two classes or more.
    """
    whole = np.asarray(labels)
    if whole.shape != (items,) or whole.dtype.kind not in "iu" or (items and whole.min() < UNLABELLED):
        raise IntrospectionError(
            f"{who} got labels of shape {whole.shape} and {whole.dtype} for {items} items; it takes one "
            "integer an item, -1 for unlabelled."
        )
    known = np.flatnonzero(whole != UNLABELLED)
    if len(np.unique(whole[known])) < 2:
        raise IntrospectionError(f"{who} got labels of fewer than two classes; label items of two or more.")
    return known, whole[known].astype(np.int64)
