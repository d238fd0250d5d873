"""The largest disc around an item that holds almost only one class, kept up to date while items leave."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
FIRST = 32
"""A scan begins with this many neighbours and doubles until nothing larger is possible."""
BLOCK = 1_000_000
"""Neighbours looked at in one go, to bound the memory."""


@dataclass(frozen=True, slots=True)
class Disc:
    """The items in a disc (M,), and how many of them are not of its class."""

    members: Ints
    wrong: int


class Discs:
    """Around each item still on the map, the disc with the most of one class, at least `purity` of it.

    A disc holds the k nearest items, itself included, and never divides items that are equally far. When
    items leave, only discs whose scan had seen one of them are looked for again: a scan ends where more
    strangers lie inside than `purity` allows the largest class, so nothing farther out can matter.
    """

    def __init__(
        self, xy: NDArray[np.floating], classes: NDArray[np.integer], there: NDArray[np.bool_], purity: float
    ) -> None:
        self._xy = np.ascontiguousarray(xy, dtype=np.float64)
        self._classes = np.unique(classes, return_inverse=True)[1].astype(np.int64)
        self._purity = purity
        items = len(xy)
        self._size = np.zeros(items, np.int64)
        self._wrong = np.zeros(items, np.int64)
        self._reach = np.zeros(items)
        self._there = there.copy()
        self._index()
        self._look(self._items)

    def best(self) -> Disc | None:
        """Return the disc with the most right; of equals that with the fewest wrong, then the first."""
        if not len(self._items):
            return None
        size, wrong = self._size[self._items], self._wrong[self._items]
        value = (size - wrong) * (len(self._xy) + 1) - wrong
        centre = self._items[int(value.argmax())]
        most = int(self._size[centre])
        if not most:
            return None
        found = np.atleast_1d(self._tree.query(self._xy[centre], most)[1])
        return Disc(np.sort(self._items[found]), int(self._wrong[centre]))

    def remove(self, items: Ints) -> None:
        """Take items (M,) off the map."""
        from scipy.spatial import cKDTree

        self._there[items] = False
        self._index()
        if len(self._items):
            nearest = cKDTree(self._xy[items]).query(self._xy[self._items])[0]
            self._look(self._items[nearest <= self._reach[self._items]])

    def _index(self) -> None:
        from scipy.spatial import cKDTree

        self._items = np.flatnonzero(self._there)
        self._tree: Any = cKDTree(self._xy[self._items]) if len(self._items) else None
        largest = int(np.bincount(self._classes[self._items], minlength=1).max())
        # wrong <= (1 - p) k and right <= largest give wrong <= (1 - p) / p * largest
        self._slack = int(np.floor((1 - self._purity) / self._purity * largest + 1e-9))

    def _look(self, centres: Ints) -> None:
        near = FIRST
        while len(centres):
            near = min(near, len(self._items))
            rows = max(BLOCK // near, 1)
            open_ended = [self._scan(centres[at : at + rows], near) for at in range(0, len(centres), rows)]
            centres = np.concatenate(open_ended)
            near *= 2

    def _scan(self, centres: Ints, near: int) -> Ints:
        """Look at the `near` nearest of each centre, note the best discs; return who must look farther."""
        found_at, found = self._tree.query(self._xy[centres], near)
        shape = (len(centres), near)
        away, classes = found_at.reshape(shape), self._classes[self._items[found.reshape(shape)]]
        everything = near == len(self._items)
        count = np.arange(1, near + 1)
        commonest = np.maximum.accumulate(_occurrence(classes), axis=1)
        whole = np.empty(shape, np.bool_)
        whole[:, :-1] = away[:, :-1] < away[:, 1:]
        whole[:, -1] = everything
        allowed = whole & (commonest >= self._purity * count - 1e-9)
        right = np.where(allowed, commonest, 0)
        # argmax takes the first of equals, which has the fewest wrong
        last = right.argmax(axis=1)
        most = right[np.arange(len(centres)), last]
        self._size[centres] = np.where(most > 0, last + 1, 0)
        self._wrong[centres] = self._size[centres] - most
        over = count - commonest > self._slack
        ended = over.any(axis=1)
        self._reach[centres] = np.where(ended, away[np.arange(len(centres)), over.argmax(axis=1)], np.inf)
        return centres[:0] if everything else centres[~ended]


def _occurrence(classes: Ints) -> Ints:
    """Return for each entry (B, K) how often its class has come in its row up to and including it."""
    order = classes.argsort(axis=1, kind="stable")
    ordered = np.take_along_axis(classes, order, axis=1)
    place = np.broadcast_to(np.arange(classes.shape[1]), classes.shape)
    starts = np.zeros(classes.shape, np.int64)
    starts[:, 1:] = np.where(ordered[:, 1:] != ordered[:, :-1], place[:, 1:], 0)
    run = place - np.maximum.accumulate(starts, axis=1) + 1
    occurrence = np.empty(classes.shape, np.int64)
    np.put_along_axis(occurrence, order, run, axis=1)
    return occurrence
