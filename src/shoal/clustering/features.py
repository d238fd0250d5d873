"""Features as DeepCluster clusters them: principal components, whitened, of length one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.clustering.base import Floats

LEAST = 1e-6
"""Components with less than this share of the largest variance are rounding; whitening would blow it up."""


@dataclass(frozen=True, slots=True)
class Whitening:
    """Subtract `mean` (D,), multiply with `axes` (D, c), scale each row to length one."""

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]

    def apply(self, features: Floats) -> Floats:
        """Return the whitened components (N, c) of features (N, D); a row at the mean stays 0."""
        turned = (features - self.mean) @ self.axes
        lengths = np.linalg.norm(turned, axis=1, keepdims=True)
        unit: Floats = (turned / np.where(lengths > 0, lengths, 1)).astype(np.float32)
        return unit


def whitening(features: Floats, components: int) -> Whitening:
    """Return the whitening of features (N, D) to the `components` of largest variance, or fewer.

    There are fewer where the features vary in fewer directions; equal ones give a single component of zeros.
    """
    mean = features.mean(axis=0, dtype=np.float64)
    centred = features - mean
    variances, axes = np.linalg.eigh(centred.T @ centred / len(features))
    kept = np.flatnonzero(variances > LEAST * max(float(variances[-1]), 1e-30))[::-1][:components]
    if not len(kept):
        return Whitening(mean, np.zeros((features.shape[1], 1)))
    axes = axes[:, kept]
    # An axis' sign is arbitrary; fixed, so that the same features give the same clusters on any machine.
    signs = np.where(np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], axis=0) < 0, -1.0, 1.0)
    return Whitening(mean, axes * signs / np.sqrt(variances[kept]))
