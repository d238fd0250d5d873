"""Which items excite a unit most: what it stands for, shown by examples."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal.introspection.checked import Floats, IntrospectionError, Ints, array_of, check_count
from shoal.types import Embedding


@dataclass(frozen=True, slots=True)
class Exciting:
    """For each of `units` (U,) the items (U, k) that excite it most, strongest first, and by how much (U, k).

    Items are ids where an `Embedding` was asked about, positions otherwise.
    """

    units: Ints
    items: Ints
    activations: Floats


def most_exciting(
    layer: Embedding | NDArray[Any], units: int | Sequence[int] | None = None, *, count: int = 9
) -> Exciting:
    """Return the `count` items with the highest activation of a unit, of some, or of every one (None).

    `layer` is a layer's `Embedding`, its vectors (N, D), or its maps (N, C, H, W), of which a unit's highest
    position counts (Zeiler & Fergus 2014). Of equals the earlier item comes first; rows that are not finite
    are left out. Raises `IntrospectionError` for a unit that there is not, and for fewer than `count` items.
    """
    vectors = array_of("most_exciting()", "vectors", layer.vectors if isinstance(layer, Embedding) else layer)
    if vectors.ndim < 2 or vectors.dtype.kind != "f" or 0 in vectors.shape:
        raise IntrospectionError(
            f"most_exciting() got a layer of shape {vectors.shape} and {vectors.dtype}; it takes floats "
            "(N, D) or (N, C, H, W)."
        )
    chosen = _checked_units(units, vectors.shape[1])
    peaks = vectors[:, chosen].reshape(len(vectors), len(chosen), -1).max(axis=2).astype(np.float32)
    usable = np.flatnonzero(np.isfinite(peaks).all(axis=1))
    check_count("most_exciting()", "count", count)
    if count > len(usable):
        raise IntrospectionError(f"most_exciting() got count={count}; there are {len(usable)} finite items.")
    found = usable[np.stack([_highest(column, count) for column in peaks[usable].T])]
    strength = np.take_along_axis(peaks.T, found, axis=1)
    ids = layer.ids[found] if isinstance(layer, Embedding) else found
    return Exciting(chosen, ids, strength)


def _highest(column: Floats, count: int) -> Ints:
    """Return the positions of the highest values, highest first, the earlier of equals first."""
    least = np.partition(column, len(column) - count)[len(column) - count]
    above, equal = np.flatnonzero(column > least), np.flatnonzero(column == least)
    chosen = np.concatenate([above, equal[: count - len(above)]])
    return chosen[np.argsort(-column[chosen], kind="stable")]


def _checked_units(units: ArrayLike | None, width: int) -> Ints:
    chosen = np.arange(width) if units is None else np.atleast_1d(array_of("most_exciting()", "units", units))
    usual = chosen.ndim == 1 and chosen.dtype.kind in "iu" and chosen.size
    if not usual or chosen.min() < 0 or chosen.max() >= width:
        raise IntrospectionError(
            f"most_exciting() got the units {chosen.tolist()[:9]}; this layer has the units 0 to {width - 1}."
        )
    return chosen.astype(np.int64)
