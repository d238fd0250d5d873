"""What a projector accepts: checked once, at its public calls."""

import numpy as np
from numpy.typing import NDArray

from shoal.types import ShoalError

Floats = NDArray[np.float32]


class ProjectorError(ShoalError):
    """A projector refuses its input or its parameters, or lacks the package it needs."""


def checked_vectors(who: str, vectors: NDArray[np.floating]) -> Floats:
    """Return vectors (N, D) as float32; raise `ProjectorError` unless they are 2-D and finite in float32."""
    array = np.asarray(vectors)
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise ProjectorError(
            f"projector {who} got vectors of shape {array.shape} and type {array.dtype}; "
            "it takes numbers (N, D)."
        )
    if len(array) and not array.shape[1]:
        raise ProjectorError(f"projector {who} got {len(array)} vectors of width 0; it takes numbers (N, D).")
    with np.errstate(over="ignore"):  # those are refused
        floats: Floats = array.astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(floats).all(axis=1))
    if bad.size:
        raise ProjectorError(
            f"projector {who} got {bad.size} vectors that are not finite in float32 (first: row {bad[0]}); "
            "leave those items out or embed them again."
        )
    return floats


def checked_start(who: str, start: NDArray[np.floating] | None, items: int) -> Floats | None:
    """Return start (N, 2) as float32, None where no row has one; raise `ProjectorError` on another shape."""
    if start is None:
        return None
    floats: Floats = np.asarray(start, dtype=np.float32)
    if floats.shape != (items, 2):
        raise ProjectorError(
            f"projector {who} got a start of shape {floats.shape} for {items} items; it takes ({items}, 2) "
            "with NaN rows where an item has no start."
        )
    return floats if np.isfinite(floats).all(axis=1).any() else None


def checked_placing(
    who: str,
    vectors: NDArray[np.floating],
    placed: NDArray[np.floating],
    xy: NDArray[np.floating],
) -> tuple[Floats, Floats, Floats]:
    """Return the arrays of `place` as float32; raise `ProjectorError` where they do not fit together."""
    new, old = checked_vectors(who, vectors), checked_vectors(who, placed)
    where: Floats = np.asarray(xy, dtype=np.float32)
    if where.shape != (len(old), 2) or not np.isfinite(where).all():
        raise ProjectorError(
            f"projector {who} got positions of shape {where.shape} for {len(old)} placed items; "
            f"it takes ({len(old)}, 2), all finite."
        )
    if len(new) and len(old) and new.shape[1] != old.shape[1]:
        raise ProjectorError(
            f"projector {who} got new vectors {new.shape[1]} wide among placed ones {old.shape[1]} wide; "
            "both must come from the same layer of the same backbone."
        )
    return new, old, where


def at_least(who: str, name: str, value: float, least: float) -> None:
    """Raise `ProjectorError` where the parameter `name` lies below `least` or is not a number."""
    if not value >= least:
        raise ProjectorError(f"projector {who} got {name}={value}; it takes {least} or more.")
