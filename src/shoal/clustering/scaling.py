"""One origin and one unit for all vectors, so that squares neither overflow nor drown in a large offset."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.clustering.base import Floats

BLOCK = 65536


@dataclass(frozen=True, slots=True)
class Scaling:
    """A shift by `mean` (D,) float64 and a division by one number: distances keep their order."""

    mean: NDArray[np.float64]
    unit: float

    def apply(self, vectors: NDArray[np.floating]) -> Floats:
        """Return vectors (N, D) in these units, contiguous float32."""
        out = np.empty(vectors.shape, np.float32)
        for at in range(0, len(vectors), BLOCK):
            out[at : at + BLOCK] = (vectors[at : at + BLOCK] - self.mean) / self.unit
        return out

    def undo(self, vectors: NDArray[np.floating]) -> Floats:
        """Return vectors (K, D) given in these units in the original ones."""
        original: Floats = (vectors * self.unit + self.mean).astype(np.float32)
        return original


def scaling_of(vectors: NDArray[np.floating]) -> Scaling:
    """Return the scaling after which vectors (N, D) have mean 0 and root mean square 1 over all numbers.

    Equal vectors keep their unit.
    """
    mean = vectors.mean(axis=0, dtype=np.float64)
    widest = max(float(np.abs(block - mean).max()) for block in _blocks(vectors))
    if widest == 0.0:
        return Scaling(mean, 1.0)
    squares = sum(float(np.square((block - mean) / widest).sum()) for block in _blocks(vectors))
    return Scaling(mean, widest * float(np.sqrt(squares / vectors.size)))


def _blocks(vectors: NDArray[np.floating]) -> list[NDArray[np.floating]]:
    return [vectors[at : at + BLOCK] for at in range(0, len(vectors), BLOCK)]
