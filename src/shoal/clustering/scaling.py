"""One origin and one unit for all vectors, so that squares neither overflow nor drown in a large offset."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.clustering.base import LARGEST, Floats

BLOCK = 65536
FAR = 1e15
"""Only newcomers lie farther; squares and their sums must stay within float32."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """A shift by `mean` (D,) float64 and a division by one number: distances keep their order."""

    mean: NDArray[np.float64]
    unit: float

    def apply(self, vectors: NDArray[np.floating]) -> Floats:
        """Return vectors (N, D) in these units, contiguous float32; rows beyond `FAR` are brought there."""
        out = np.empty(vectors.shape, np.float32)
        for at in range(0, len(vectors), BLOCK):
            with np.errstate(over="ignore"):
                units = (vectors[at : at + BLOCK] - self.mean) / self.unit
            if max(units.max(), -units.min()) > FAR:
                np.clip(units, -1e300, 1e300, out=units)
                units *= FAR / np.abs(units).max(axis=1, keepdims=True, initial=FAR)
            out[at : at + BLOCK] = units
        return out

    def undo(self, vectors: NDArray[np.floating]) -> Floats:
        """Return vectors (K, D) given in these units in the original ones."""
        original = vectors * self.unit + self.mean
        # what lies beside the largest float32 must not be rounded beyond it
        finite: Floats = np.clip(original, -LARGEST, LARGEST).astype(np.float32)
        return finite


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
