"""Which points lie inside a freeform lasso. The page computes the same, in the same order of operations."""

import numpy as np
from numpy.typing import NDArray


def inside(xy: NDArray[np.float32], polygon: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return (N,) bool: which points (N, 2) the closed `polygon` (V, 2) winds around, by the non-zero rule.

    All arithmetic is float64. An edge from a to b counts for a point where a.y <= y < b.y (upwards, +1) or
    b.y <= y < a.y (downwards, -1) and the point lies strictly on its left or right, so a horizontal edge
    counts for nothing and a corner is never counted twice.
    """
    result = np.zeros(len(xy), dtype=np.bool_)
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    near = np.flatnonzero(((xy >= low) & (xy <= high)).all(axis=1))
    near = near[np.argsort(xy[near, 1])]
    x, y = xy[near, 0].astype(np.float64), xy[near, 1].astype(np.float64)
    result[near[_winding(x, y, polygon) != 0]] = True
    return result


def _winding(
    x: NDArray[np.float64], y: NDArray[np.float64], polygon: NDArray[np.float64]
) -> NDArray[np.int16]:
    """Count how often the polygon goes around each point; the points are sorted by y.

    Sorted, the points that one edge spans are one slice: the work is the sum of the edges' heights.
    """
    winding = np.zeros(len(x), dtype=np.int16)
    for (ax, ay), (bx, by) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if ay == by:
            continue
        first, last = np.searchsorted(y, (min(ay, by), max(ay, by)), side="left")
        span = slice(first, last)
        side = (bx - ax) * (y[span] - ay) - (x[span] - ax) * (by - ay)
        if by > ay:
            winding[span] += side > 0
        else:
            winding[span] -= side < 0
    return winding
