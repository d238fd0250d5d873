"""Which points a lasso or a brush covers. The page computes the same, in the same order of operations."""

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
    near = _within(xy, low, high)
    near = near[np.argsort(xy[near, 1])]
    x, y = xy[near, 0].astype(np.float64), xy[near, 1].astype(np.float64)
    result[near[_winding(x, y, polygon) != 0]] = True
    return result


def brushed(xy: NDArray[np.float32], path: NDArray[np.float64], radius: float) -> NDArray[np.bool_]:
    """Return (N,) bool: which points (N, 2) lie within `radius` of the line through `path` (V, 2).

    A point belongs to the segment from a to b when the squared distance to its nearest place a + t (b - a),
    t = ((p - a) . (b - a)) / |b - a|^2 held to 0..1, is at most radius^2; all in float64. A path of one
    point, and a segment without length, is a disc.
    """
    result = np.zeros(len(xy), dtype=np.bool_)
    reach = radius * (1 + 1e-9)  # the slices must not cut off what rounding lets in
    low, high = path.min(axis=0) - reach, path.max(axis=0) + reach
    near = _within(xy, low, high)
    near = near[np.argsort(xy[near, 0])]
    x, y = xy[near, 0].astype(np.float64), xy[near, 1].astype(np.float64)
    hit = np.zeros(len(near), dtype=np.bool_)
    for (ax, ay), (bx, by) in zip(path, path[1:] if len(path) > 1 else path, strict=False):
        first = np.searchsorted(x, min(ax, bx) - reach, side="left")
        last = np.searchsorted(x, max(ax, bx) + reach, side="right")
        hit[first:last] |= _capsule(x[first:last], y[first:last], (ax, ay, bx, by)) <= radius * radius
    result[near[hit]] = True
    return result


def _within(xy: NDArray[np.float32], low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the rows of the points in a box, its edges included."""
    x, y = xy.T  # a column at a time: four times as fast as row by row
    return np.flatnonzero((x >= low[0]) & (x <= high[0]) & (y >= low[1]) & (y <= high[1]))


def _capsule(
    x: NDArray[np.float64], y: NDArray[np.float64], segment: tuple[float, float, float, float]
) -> NDArray[np.float64]:
    """Return the squared distance of each point to a segment."""
    ax, ay, bx, by = segment
    dx, dy = bx - ax, by - ay
    length = dx * dx + dy * dy
    t = ((x - ax) * dx + (y - ay) * dy) / length if length > 0 else np.zeros(len(x))
    t = np.minimum(1, np.maximum(0, t))
    ex, ey = x - (ax + t * dx), y - (ay + t * dy)
    distance: NDArray[np.float64] = ex * ex + ey * ey
    return distance


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
