"""Groups of predictions that a person may accept at once: by confidence, of a class, in a region."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.effort.curve import WORTH

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
GRID = 12
"""Regions are discs around the middles of a grid of this many rows and columns over the map."""
THRESHOLDS = (0.0, 0.5, 0.9)
"""Within a region the confidence may be at least one of these; elsewhere any threshold is possible."""


@dataclass(frozen=True, slots=True)
class Group:
    """The items (M,) of one acceptance, and how many of the predictions among them are wrong."""

    members: Ints
    errors: int

    @property
    def rate(self) -> float:
        """Return the items labelled per gesture: one for accepting, one for each error put right."""
        return len(self.members) / (1 + self.errors)


class Acceptance:
    """Finds the group of predictions that labels the most items per gesture after one round.

    The simulated user looks at a group before she accepts it, most confident first or nearest to the middle
    of her region first, so she may end it anywhere. Items predicted as "none of these" (-1) are in no group.
    Without a map xy (N, 2) are no regions.
    """

    def __init__(
        self,
        xy: Floats | None,
        predictions: Ints,
        confidence: Floats,
        *,
        right: Bools,
        there: Bools,
    ) -> None:
        self._predictions, self._confidence, self._right = predictions, confidence, right
        offered = np.flatnonzero(there & (predictions >= 0))
        self._on_map = xy is not None and len(offered) > 0
        if xy is not None and self._on_map:
            self._nearest, self._away = _around_a_grid(xy, offered)

    def best(self, there: Bools) -> Group | None:
        """Return the best group among the items still there (N,), the first of equals.

        None where no group labels `WORTH` items per gesture.
        """
        groups = [self._everywhere(there), self._of_a_class(there)]
        if self._on_map:
            groups += [self._in_a_region(there & (self._confidence >= t)) for t in THRESHOLDS]
        found = [group for group in groups if group is not None and group.rate >= WORTH]
        return max(found, key=lambda group: group.rate, default=None)

    def _everywhere(self, there: Bools) -> Group | None:
        offered = np.flatnonzero(there & (self._predictions >= 0))
        offered = offered[np.argsort(-self._confidence[offered], kind="stable")]
        return self._best_prefix(offered[None], -self._confidence[offered][None])

    def _of_a_class(self, there: Bools) -> Group | None:
        offered = np.flatnonzero(there & (self._predictions >= 0))
        offered = offered[np.lexsort((-self._confidence[offered], self._predictions[offered]))]
        starts = np.flatnonzero(np.diff(self._predictions[offered], prepend=-2) != 0)
        groups = []
        for members in np.split(offered, starts[1:]):
            groups.append(self._best_prefix(members[None], -self._confidence[members][None]))
        found = [group for group in groups if group is not None]
        return max(found, key=lambda group: group.rate, default=None)

    def _in_a_region(self, there: Bools) -> Group | None:
        kept = there[self._nearest]
        rows = len(self._nearest)
        return self._best_prefix(self._nearest[kept].reshape(rows, -1), self._away[kept].reshape(rows, -1))

    def _best_prefix(self, order: Ints, key: Floats) -> Group | None:
        """Return the best beginning of any row of order (B, K); equals of the ascending key stay together."""
        if not order.size:
            return None
        count = np.arange(1, order.shape[1] + 1)
        errors = np.cumsum(~self._right[order], axis=1)
        whole = np.ones(order.shape, np.bool_)
        whole[:, :-1] = key[:, :-1] < key[:, 1:]
        rate = np.where(whole, count / (1 + errors), 0.0)
        row, column = np.unravel_index(int(rate.argmax()), rate.shape)
        return Group(np.sort(order[row, : column + 1]), int(errors[row, column]))


def _around_a_grid(xy: Floats, items: Ints) -> tuple[Ints, Floats]:
    """Return the items by distance from the middle of each cell, and the distances, both (GRID^2, M)."""
    low, high = xy[items].min(axis=0), xy[items].max(axis=0)
    steps = (np.arange(GRID) + 0.5) / GRID
    middles = low + np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2) * (high - low)
    away = np.linalg.norm(xy[items][None] - middles[:, None], axis=2)
    order = away.argsort(axis=1, kind="stable")
    return items[order], np.take_along_axis(away, order, axis=1)
