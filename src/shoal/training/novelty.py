"""None of these: an item too far from every class that has a name, by a distance that held-out items set."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal.arrays import unit_vectors
from shoal.training.checked import (
    Floats,
    Labels,
    TrainingError,
    checked_labels,
    checked_vectors,
    finite_rows,
    need_two_classes,
)

ROWS = 8192


@dataclass(frozen=True, slots=True)
class Rejector:
    """Says of an item whether it is too far from the mean of every class to be of any.

    A softmax cannot: its shares add up to one whatever the item is. The distance is Euclidean to the nearest
    class mean, of vectors scaled to length 1 if `unit`. It is compared with the distances of labelled items
    to the means formed without them: conformal p-values (Vovk et al. 2005), so that of items of the known
    classes about the asked share is rejected, whatever the distances look like.

    means (K, D) float32, classes (K,) int64, distances (M,) ascending of the held-out items.
    """

    means: Floats
    classes: Labels
    distances: Floats
    unit: bool = True

    @classmethod
    def fit(cls, vectors: NDArray[np.floating], labels: ArrayLike, *, unit: bool = True) -> Self:
        """Learn from vectors (N, D) with labels (N,) int, -1 = unlabelled.

        Items alone in their class give a mean, and no distance. Raises `TrainingError` without two classes,
        on labelled vectors that are not finite, and where every class has one item.
        """
        vectors = checked_vectors("Rejector.fit()", vectors)
        whole = checked_labels("Rejector.fit()", labels, len(vectors))
        classes = need_two_classes("Rejector.fit()", whole)
        known = np.flatnonzero(whole >= 0)
        x = _scaled(finite_rows("Rejector.fit()", vectors, known), unit)
        places = np.searchsorted(classes, whole[known])
        counts = np.bincount(places)
        if counts.max() < 2:
            raise TrainingError("Rejector.fit() got one item a class; give some class a second one first.")
        sums = np.zeros((len(classes), x.shape[1]), np.float64)
        np.add.at(sums, places, x)
        means = (sums / counts[:, None]).astype(np.float32)
        return cls(means, classes, np.sort(_left_out(x, places, counts, means)), unit)

    def nearest(self, vectors: NDArray[np.floating]) -> tuple[Floats, Labels]:
        """Return the distance (N,) to the nearest class mean, and that class's label (N,)."""
        vectors = checked_vectors("Rejector.nearest()", vectors, self.means.shape[1])
        found, which = np.empty(len(vectors), np.float32), np.empty(len(vectors), np.int64)
        for start in range(0, len(vectors), ROWS):
            block = slice(start, start + ROWS)
            distances = _distances(_scaled(vectors[block].astype(np.float32), self.unit), self.means)
            which[block] = distances.argmin(axis=1)
            found[block] = distances.min(axis=1)
        return found, self.classes[which]

    def belonging(self, vectors: NDArray[np.floating]) -> Floats:
        """Return the p-value (N,) in (0, 1]: the share of known items as far out, counting this one."""
        further = len(self.distances) - np.searchsorted(self.distances, self.nearest(vectors)[0], side="left")
        shares: Floats = ((further + 1) / (len(self.distances) + 1)).astype(np.float32)
        return shares

    def rejects(self, vectors: NDArray[np.floating], share: float = 0.05) -> NDArray[np.bool_]:
        """Return which items (N,) are none of these, at the price of about `share` of the known ones.

        With fewer than 1 / share - 1 held-out distances nothing is ever rejected: too little is known.
        """
        verdicts: NDArray[np.bool_] = self.belonging(vectors) <= share
        return verdicts


def _left_out(x: Floats, places: Labels, counts: Labels, means: Floats) -> Floats:
    """Return the distance to the nearest mean, the own one formed without the item, of items with company."""
    n = counts[places].astype(np.float32)
    to_own = np.linalg.norm(x - means[places], axis=1)
    distances = _distances(x, means)
    # ||x - (n m - x) / (n - 1)|| = n / (n - 1) ||x - m||
    distances[np.arange(len(x)), places] = to_own * n / np.maximum(n - 1, 1)
    nearest: Floats = distances.min(axis=1)[n > 1]
    return nearest


def _distances(x: Floats, means: Floats) -> Floats:
    squares = (x**2).sum(axis=1)[:, None] + (means**2).sum(axis=1) - 2 * (x @ means.T)
    distances: Floats = np.sqrt(np.maximum(squares, 0.0))
    return distances


def _scaled(rows: Floats, unit: bool) -> Floats:
    return unit_vectors(rows) if unit else rows
