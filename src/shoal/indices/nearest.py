"""Each item's nearest others: by float32 among most items, exactly for the few that lie far from them.

float32 tells distances apart that differ by a millionth of what the items are away from the middle. One item
far out must not be where the middle is, and its own neighbours ask for more digits.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.indices.checks import ORDINARY, Centred, Floats, Ints, row_blocks
from shoal.indices.distances import CACHED, pieces, squared_to_all

FAR = 16.0
"""An item so many times as far from the middle as most is compared exactly."""
SAMPLE = 32
"""The middle is the median of about so many items."""
ROUNDING = 1e-13
"""Squared distances from dot products are exact to this share of both squared norms, 10,000 numbers wide."""
LARGEST = 500
"""The exponent that the largest number may have, so that squares stay finite."""


class Scene:
    """Points (N, D) seen from their middle, most of them about 1 from it; `far` (N,) says which are not.

    `rows` (N, D) are the points in float32, `norms` (N,) their squared distances to the middle.
    """

    def __init__(self, given: NDArray[Any]) -> None:
        some = given[:: max(1, len(given) // SAMPLE)].astype(np.float64)
        self._given, self._middle, self._exponent = given, np.median(some, axis=0), 0
        self.rows, self.norms = np.empty(given.shape, np.float32), np.empty(len(given))
        self._measure()
        beyond = 4.0**ORDINARY
        if not (1.0 / beyond < _typical(self.norms) < beyond and self.norms.max() < beyond**8):
            self._exponent = self._size()
            self._measure()
        self.far = self.norms > FAR**2 * _typical(self.norms)

    @classmethod
    def of(cls, centred: Centred) -> "Scene":
        """Return the scene of rows that are checked: of the numbers themselves, which lose no digit."""
        return cls(centred.x if centred.order is None else centred.x.take(centred.order, axis=0))

    @cached_property
    def points(self) -> Floats:
        """The points (N, D)."""
        points = np.empty(self._given.shape)
        for part in row_blocks(points):
            points[part] = self._block(part)
        return points

    def _block(self, part: slice) -> Floats:
        block: Floats = np.subtract(self._given[part], self._middle, dtype=np.float64)
        return np.ldexp(block, -self._exponent, out=block) if self._exponent else block

    def _measure(self) -> None:
        # what overflows is far: its rows are not looked at, and its size is measured again
        with np.errstate(over="ignore", under="ignore"):
            for part in row_blocks(self.rows):
                block = self._block(part)
                np.einsum("nd,nd->n", block, block, out=self.norms[part])
                self.rows[part] = block

    def _size(self) -> int:
        """Return the power of two by which most are about 1 from the middle, and no square is infinite."""
        widest = np.concatenate([np.abs(self._block(part)).max(axis=1) for part in row_blocks(self.rows)])
        return max(_exponent(_typical(widest)), _exponent(widest.max()) - LARGEST)

    def squared_to_all(self) -> Iterator[tuple[slice, Floats]]:
        """Yield rows and what orders all points by distance from each (B, N): squares, but for a constant.

        The block is overwritten by the next.
        """
        everybody = np.arange(len(self.points))
        for rows, away in squared_to_all(self.points):
            for row in np.flatnonzero(self.far[rows]):
                away[row] = self._from(rows.start + row, everybody, away[row])
            yield rows, away

    def nearest(self, asked: Ints, k: int) -> Ints:
        """Return the k nearest others (M, k) of the items `asked` (M,), nearest first, exactly."""
        found = np.empty((len(asked), k), np.int64)
        for part in pieces(len(asked), max(1, CACHED // len(self.points))):
            block = asked[part]
            sums = self.norms[block, None] + self.norms
            squares = sums - 2.0 * (self.points[block] @ self.points.T)
            squares[np.arange(len(block)), block] = np.inf
            sums *= ROUNDING
            reach = np.partition(squares + sums, k - 1, axis=1)[:, k - 1 : k]
            perhaps = squares - sums <= reach
            for row, item in enumerate(block):
                near = np.flatnonzero(perhaps[row])
                order = np.argsort(self._from(int(item), near, squares[row, near]), kind="stable")
                found[part.start + row] = near[order[:k]]
        return found

    def _from(self, item: int, others: Ints, squares: Floats) -> Floats:
        """Return the squared distances (M,) from an item to others (M,), less that to the nearest of them.

        By |x - c|^2 - 2 (q - c) (x - c), c the nearest: the square of a long way would leave no digits for
        what tells them apart. `squares` (M,) say roughly who is near.
        """
        rough = np.where(others == item, np.inf, squares)
        middle = self.points[others[rough.argmin()]]
        to_item = self.points[item] - middle
        exact = np.empty(len(others))
        for part in pieces(len(others), 1 << 12):
            rest = self.points[others[part]] - middle
            exact[part] = np.einsum("nd,nd->n", rest, rest) - 2.0 * (rest @ to_item)
        return exact


class Neighbours:
    """The nearest other rows of points (N, D): of most compared in float32, of far ones exactly."""

    def __init__(self, scene: Scene) -> None:
        import faiss

        self.scene = scene if scene.far.any() else None
        self.near = np.flatnonzero(~scene.far)
        self.rows = scene.rows[self.near] if self.scene else scene.rows
        self.index = faiss.IndexFlatL2(self.rows.shape[1])
        self.index.add(self.rows)

    def of(self, rows: slice, k: int) -> Ints:
        """Return the k nearest others (B, k) of some rows, nearest first; 1 <= k < N."""
        own = np.arange(rows.start, rows.stop)
        if self.scene is not None:
            return self._beside_far_ones(self.scene, own, k)
        found: Ints = self.index.search(self.rows[rows], k + 1)[1]
        return _without_self(found, own)

    def _beside_far_ones(self, scene: Scene, own: Ints, k: int) -> Ints:
        found = np.empty((len(own), k), np.int64)
        sure = np.zeros(len(own), np.bool_)
        if k < len(self.near):
            asked = np.flatnonzero(~scene.far[own])
            places = np.searchsorted(self.near, own[asked])
            squares, near = self.index.search(self.rows[places], k + 1)
            found[asked] = self.near[_without_self(near, places)]
            # whoever is far is farther from these than their farthest find is
            reach = np.sqrt(squares[:, -1]) + np.sqrt(scene.norms[own[asked]])
            sure[asked] = reach < 0.99 * np.sqrt(scene.norms[scene.far].min())
        found[~sure] = scene.nearest(own[~sure], k)
        return found


def _typical(sizes: Floats) -> float:
    """Return the median of the sizes (N,) above 0; 0 where there are none."""
    above = sizes[sizes > 0.0]
    return float(np.median(above)) if len(above) else 0.0


def _exponent(size: float) -> int:
    return int(np.frexp(size)[1]) if size > 0.0 else -LARGEST


def _without_self(found: Ints, own: Ints) -> Ints:
    """Drop each row's own number from (N, k + 1); among duplicates it may be missing, then drop the last."""
    itself = found == own[:, None]
    itself[~itself.any(axis=1), -1] = True
    others: Ints = found[~itself]
    return others.reshape(len(found), found.shape[1] - 1)
