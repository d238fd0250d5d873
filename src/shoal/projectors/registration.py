"""Lay one map onto another without changing its shape, so that the user finds things where they were."""

import numpy as np
from numpy.typing import NDArray

from shoal.projectors.checked import Floats, ProjectorError


def register(xy: NDArray[np.floating], onto: NDArray[np.floating]) -> Floats:
    """Turn, mirror, scale and shift xy (N, 2) so that it lies best (least squares) on `onto` (N, 2).

    Rows of `onto` that hold NaN are items without a position there: they move along. With no shared item xy
    is returned as it is; with one, or where the shared ones coincide, it is only shifted. Raises
    `ProjectorError` where the shapes differ.
    """
    moving, fixed = np.asarray(xy, np.float64), np.asarray(onto, np.float64)
    if moving.shape != fixed.shape or moving.ndim != 2 or moving.shape[1] != 2:
        raise ProjectorError(
            f"register got {moving.shape} and {fixed.shape}; it takes two maps (N, 2) of the same items."
        )
    shared = np.isfinite(fixed).all(axis=1) & np.isfinite(moving).all(axis=1)
    if not shared.any():
        return moving.astype(np.float32)
    from_centre, to_centre = moving[shared].mean(axis=0), fixed[shared].mean(axis=0)
    turn = _turn(moving[shared] - from_centre, fixed[shared] - to_centre)
    laid: Floats = ((moving - from_centre) @ turn + to_centre).astype(np.float32)
    return laid


def _turn(moving: NDArray[np.float64], fixed: NDArray[np.float64]) -> NDArray[np.float64]:
    spread = (moving**2).sum()
    left, values, right = np.linalg.svd(moving.T @ fixed)
    if spread <= 0 or values.sum() <= 0:
        return np.eye(2)
    turn: NDArray[np.float64] = left @ right * (values.sum() / spread)
    return turn


def into_unit_square(xy: NDArray[np.floating], margin: float = 0.03) -> Floats:
    """Shift and scale positions (N, 2) so that they fill the unit square less a margin, shape kept."""
    low, high = xy.min(axis=0), xy.max(axis=0)
    extent = float((high - low).max()) or 1.0
    centred = (xy - (low + high) / 2) * ((1 - 2 * margin) / extent)
    return np.asarray(centred + 0.5, dtype=np.float32)
