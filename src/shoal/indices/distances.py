"""Distances of many pairs in bounded memory, and searches over pairs that skip what cannot matter.

Dot products are fast but lose digits where two points lie close together and far from the origin; every
tile is therefore shifted to the middle of some of its own points, and what a search finds is measured again
by differences.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from shoal.indices.checks import Floats
from shoal.indices.clusters import Clusters, squares_about

TILE = 500
"""Rows and columns of a tile of distances: near the processor's cache, and no power of two, whose rows would
fall on the same cache lines (a product of 512 x 512 takes up to three times as long)."""
CACHED = 1 << 19
"""How many distances are looked at again and again: 4 MiB."""
HELD = 1 << 26
"""How many sums (N, K) may be held so that each pair is measured once instead of twice: 512 MiB."""
PAIRED = 1 << 20
"""How many numbers of pairs of classes are held at once: 8 MiB."""
ROUNDING = 1e-14
"""Squared distances from dot products are exact to this share of the tile's largest squared norm."""


LOST = 1e-6
"""A squared distance below this share of the squares it is formed of has lost six of sixteen digits."""


def squared(a: Floats, b: Floats) -> Floats:
    """Return the squared distances of a (M, D) and b (N, D) as (M, N), by dot products, >= 0."""
    squares = _raw_squared(a, b)
    return np.maximum(squares, 0.0, out=squares)


def squared_exactly_where_near(a: Floats, b: Floats) -> Floats:
    """Return the same, measured by differences where it may be rounding: equal points are exactly 0 apart."""
    squares = squared(a, b)
    i, j = np.nonzero(squares <= 4.0 * ROUNDING * _largest_square(a, b))
    for part in pieces(len(i), 1 << 12):
        rest = a[i[part]] - b[j[part]]
        squares[i[part], j[part]] = np.einsum("nd,nd->n", rest, rest)
    return squares


def _raw_squared(a: Floats, b: Floats) -> Floats:
    return Seen(a).squared(b)


class Seen:
    """Rows a (M, D) seen from their own middle, to be measured to many others."""

    def __init__(self, a: Floats) -> None:
        # the median of a few: one point far from all others must not be where the tile is shifted to
        self._middle = np.median(a[:: max(1, len(a) // 5)], axis=0)
        self._left = self._moved(a, np.empty((len(a), a.shape[1] + 2)))
        self._right = np.empty((0, a.shape[1] + 2))
        self._left[:, -2:] = self._left[:, :-3:-1]
        self._left[:, :-2] *= -2.0

    def squared(self, b: Floats) -> Floats:
        """Return the squared distances to b (N, D) as (M, N), by dot products: rounding may make them < 0."""
        if len(self._right) < len(b):  # held: asking for as much memory again and again takes its time
            self._right = np.empty((len(b), self._left.shape[1]))
        squares: Floats = self._left @ self._moved(b, self._right[: len(b)]).T
        return squares

    def squared_among(self) -> Floats:
        """Return the squared distances of a to itself (M, M), as `squared` does, in half the time."""
        moved, norms = self._left[:, :-2], self._left[:, -1]
        squares: Floats = moved @ moved.T
        squares *= -0.5  # they were doubled, and turned, before
        squares += norms
        squares += norms[:, None]
        return squares

    def _moved(self, rows: Floats, out: Floats) -> Floats:
        """Write rows (N, D) about the middle, their squared norms and ones into `out` (N, D + 2)."""
        moved = out[:, :-2]
        np.subtract(rows, self._middle, out=moved)
        np.einsum("nd,nd->n", moved, moved, out=out[:, -2])
        out[:, -1] = 1.0
        return out


def squared_to_all(points: Floats) -> Iterator[tuple[slice, Floats]]:
    """Yield rows and their squared distances to all points (B, N), by dot products, >= 0, from the cache.

    The block is overwritten by the next.
    """
    n = len(points)
    # as in a tile: one point far from all others must not be where all are seen from
    near = points - np.median(points[:: max(1, n // 5)], axis=0)
    norms = np.einsum("nd,nd->n", near, near)[:, None]
    right = np.hstack([near, np.ones((n, 1)), norms])
    size = max(8, CACHED // n)
    held = np.empty((min(size, n), n))
    for rows in pieces(n, size):
        left = np.hstack([-2.0 * near[rows], norms[rows], np.ones((rows.stop - rows.start, 1))])
        squares = np.matmul(left, right.T, out=held[: len(left)])
        yield rows, np.maximum(squares, 0.0, out=squares)


def pieces(n: int, size: int = TILE, start: int = 0) -> Iterator[slice]:
    """Yield slices of `size` that cover `start` to n."""
    return (slice(i, min(i + size, n)) for i in range(start, n, size))


def sums_to_classes(clusters: Clusters) -> Iterator[tuple[slice, Floats]]:
    """Yield rows and the sums of their Euclidean distances to every class (B, K), block by block.

    Each pair is measured once where the sums (N, K) fit into `HELD`, else twice.
    """
    n, k = len(clusters), clusters.k
    held = np.zeros((n, k)) if n * k <= HELD else None
    for rows in pieces(n):
        sums = np.zeros((rows.stop - rows.start, k)) if held is None else held[rows]
        own, own_starts = _classes_in(clusters, rows)
        seen = Seen(clusters.points[rows])
        for columns in pieces(n, start=0 if held is None else rows.start):
            itself = rows == columns
            distances = seen.squared_among() if itself else seen.squared(clusters.points[columns])
            np.sqrt(np.maximum(distances, 0.0, out=distances), out=distances)
            if itself:
                np.fill_diagonal(distances, 0.0)
            there, starts = _classes_in(clusters, columns)
            sums[:, there] += np.add.reduceat(distances, starts, axis=1)
            if held is not None and not itself:
                held[columns, own] += _sums_down(distances, own_starts).T
        # every later row has by now added itself to these
        yield rows, sums


def _classes_in(clusters: Clusters, rows: slice) -> tuple[slice, NDArray[np.int64]]:
    """Return the classes that some sorted rows hold, and where each begins among these rows."""
    first, last = int(clusters.places[rows.start]), int(clusters.places[rows.stop - 1]) + 1
    return slice(first, last), np.maximum(clusters.starts[first:last] - rows.start, 0)


def _sums_down(values: Floats, starts: NDArray[np.int64]) -> Floats:
    """Return the sums of runs of rows (C, N); reduceat does the same, many times slower down columns."""
    return np.array([part.sum(axis=0) for part in np.split(values, starts[1:])])


def farthest(queries: Floats, members: Floats) -> Floats:
    """Return the distance of each query (M, D) to the farthest of the members (n, D), exactly (M,).

    Members come outermost first; no later one can be farther than its radius plus the query's distance to
    their mean, which ends the search early.
    """
    middle = members.mean(axis=0)
    radii = np.linalg.norm(members - middle, axis=1)
    order = np.argsort(-radii)
    members, radii = members[order], radii[order]
    found = np.zeros(len(queries))
    for rows in pieces(len(queries)):
        block = queries[rows]
        reach = np.linalg.norm(block - middle, axis=1)
        best, which = np.full(len(block), -1.0), np.zeros(len(block), dtype=np.int64)
        for columns in pieces(len(members)):
            if (best >= (reach + radii[columns.start]) ** 2).all():
                break
            squares = squared(block, members[columns])
            at = squares.argmax(axis=1)
            value = squares[np.arange(len(block)), at]
            which = np.where(value > best, at + columns.start, which)
            best = np.maximum(best, value)
        found[rows] = np.linalg.norm(block - members[which], axis=1)
    return found


def widest(clusters: Clusters) -> float:
    """Return the largest diameter of a class, max_k max_{x, y in k} d(x, y)."""
    best = 0.0
    for k in np.argsort(-clusters.spreads):
        best = max(best, _diameter(clusters.members(int(k)), best))
    return best


def _diameter(members: Floats, known: float) -> float:
    """Return the diameter of members (n, D) if it is above `known`, else `known`; outermost members first."""
    radii = np.linalg.norm(members - members.mean(axis=0), axis=1)
    order = np.argsort(-radii)
    members, radii, best = members[order], radii[order], known
    for rows in pieces(len(members)):
        if 2.0 * radii[rows.start] <= best:
            break
        for columns in pieces(len(members), start=rows.start):
            if radii[rows.start] + radii[columns.start] <= best:
                break
            squares = squared(members[rows], members[columns])
            i, j = np.unravel_index(int(squares.argmax()), squares.shape)
            best = max(best, float(np.linalg.norm(members[rows][i] - members[columns][j])))
    return best


def closest_strangers(clusters: Clusters) -> float:
    """Return the least distance of two items of different classes."""
    best = math.inf
    for k in range(clusters.k - 1):
        members, others = clusters.members(k), clusters.points[clusters.starts[k + 1] :]
        reach = math.sqrt(clusters.squares[clusters.starts[k] : clusters.starts[k + 1]].max())
        # nothing farther from this class's mean than its radius plus the best so far can be closer
        from_middle = np.sqrt(squares_about(others, clusters.means[k]))
        near = np.argsort(from_middle)[: int((from_middle < best + reach).sum())]
        for columns in pieces(len(near)):
            there = others[near[columns]]
            for rows in pieces(len(members)):
                best = min(best, _least(members[rows], there, best))
    return best


def _least(a: Floats, b: Floats, known: float) -> float:
    """Return the least distance between a (M, D) and b (N, D) if it is below `known`, else `known`."""
    squares = _raw_squared(a, b)
    least = squares.min()
    slack = ROUNDING * _largest_square(a, b)
    if least - slack >= known**2:
        return known
    i, j = np.nonzero(squares <= least + 2.0 * slack)
    return min(known, float(np.linalg.norm(a[i] - b[j], axis=1).min()))


def least_between(a: Floats, b: Floats) -> tuple[float, int, int]:
    """Return the least distance between a (M, D) and b (N, D), and the rows that have it."""
    best = (math.inf, 0, 0)
    for rows in pieces(len(a)):
        for columns in pieces(len(b)):
            squares = squared(a[rows], b[columns])
            slack = 2.0 * ROUNDING * _largest_square(a[rows], b[columns])
            i, j = np.nonzero(squares <= squares.min() + slack)
            exact = np.linalg.norm(a[rows][i] - b[columns][j], axis=1)
            at = int(exact.argmin())
            if exact[at] < best[0]:
                best = float(exact[at]), int(i[at]) + rows.start, int(j[at]) + columns.start
    return best


def _largest_square(a: Floats, b: Floats) -> float:
    """Return the largest squared norm in a tile, which its rounding is a share of."""
    return float(max(np.square(a - b[0]).sum(axis=1).max(), np.square(b - b[0]).sum(axis=1).max()))


def least_mean_linkage(clusters: Clusters) -> float:
    """Return the least mean distance of two classes, min_{k != l} mean_{x in k, y in l} d(x, y).

    A mean distance is never below the mean distance of either class's items to the other's mean (Jensen), so
    that few pairs of classes are measured.
    """
    # these come from dot products: what rounding can add must not rule a pair out
    slack = math.sqrt(ROUNDING * np.einsum("nd,nd->n", clusters.points, clusters.points).max())
    best = math.inf
    for rows, sums, back in sums_to_means(clusters):
        to_other, to_own = sums / clusters.counts[rows, None], back / clusters.counts[rows.start :]
        bounds = np.maximum(to_other, to_own) * (1.0 - 1e-12) - slack
        bounds = np.maximum(bounds, clusters.from_means(rows)[:, rows.start :])
        k, other = np.nonzero(np.triu(bounds < best, 1))
        bounds = bounds[k, other]
        for pair in np.argsort(bounds):
            if bounds[pair] >= best:
                break
            one, two = (int(at[pair]) + rows.start for at in (k, other))
            best = min(best, _mean_distance(clusters.members(one), clusters.members(two)))
    return best


def _mean_distance(a: Floats, b: Floats) -> float:
    total = 0.0
    for rows in pieces(len(a)):
        for columns in pieces(len(b)):
            total += float(np.sqrt(squared(a[rows], b[columns])).sum())
    return total / (len(a) * len(b))


def sums_to_means(clusters: Clusters) -> Iterator[tuple[slice, Floats, Floats]]:
    """Yield classes k and the sums of distances of their items to the means of classes l >= the first k.

    And the sums of the items of these l to the means of k, both (B, L): every pair of classes once, both
    ways, in O(NK).
    """
    for rows in class_blocks(clusters.k):
        later = slice(rows.start, clusters.k)
        sums = np.array([_sums_of_class(clusters, k, later) for k in range(rows.start, rows.stop)])
        back = np.empty_like(sums)
        inside = rows.stop - rows.start
        back[:, :inside] = sums[:, :inside].T
        for k in range(rows.stop, clusters.k):
            back[:, k - rows.start] = _sums_of_class(clusters, k, rows)
        yield rows, sums, back


def class_blocks(k: int) -> Iterator[slice]:
    """Yield slices that cover K classes, so few at a time that B x K numbers are `PAIRED` at most."""
    return pieces(k, max(1, PAIRED // k))


def _sums_of_class(clusters: Clusters, k: int, others: slice) -> Floats:
    """Return the sums of distances of the items of class k to the means of some classes (L,)."""
    # seen from their own mean a class's items keep their digits wherever it lies
    means = clusters.means[others] - clusters.means[k]
    lengths = np.einsum("kd,kd->k", means, means)
    sums = np.zeros(len(means))
    for rows in pieces(int(clusters.counts[k]), max(64, CACHED // max(len(means), clusters.width))):
        x = clusters.members(k)[rows] - clusters.means[k]
        sums += np.sqrt(_to_means(x, means, lengths)).sum(axis=0)
    return sums


def _to_means(x: Floats, means: Floats, lengths: Floats) -> Floats:
    """Return the squared distances of x (B, D) to means (K, D) of these squared lengths (K,) as (B, K)."""
    norms = np.einsum("nd,nd->n", x, x)[:, None]
    squares = x @ (-2.0 * means.T)
    squares += lengths
    squares += norms
    i, j = np.nonzero(squares < LOST * (lengths + norms))
    for part in pieces(len(i), 1 << 12):
        rest = x[i[part]] - means[j[part]]
        squares[i[part], j[part]] = np.einsum("nd,nd->n", rest, rest)
    return squares
