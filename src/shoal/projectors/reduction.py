"""Fewer dimensions by principal components, before neighbours are looked for."""

from dataclasses import dataclass

import numpy as np

from shoal.arrays import unit_vectors
from shoal.projectors.checked import Floats

REDUCED = 128
"""Neighbours are looked for among this many components: measured as good as all, and several times faster."""
SAMPLE = 20_000
"""The components are found on about this many items, evenly drawn, and applied to all."""
BLOCK = 8192
SPARE = 16
"""Columns that the range finder carries beyond those asked for, so that the last ones are good too."""


@dataclass(frozen=True, slots=True)
class Reduction:
    """A linear map to fewer dimensions: subtract `mean` (D,), multiply with `axes` (D, d)."""

    mean: Floats
    axes: Floats

    def apply(self, vectors: Floats) -> Floats:
        """Map vectors (N, D) to (N, d)."""
        reduced: Floats = np.matmul(vectors - self.mean, self.axes, dtype=np.float32)
        return reduced


def principal(vectors: Floats, dimensions: int, *, seed: int = 0) -> Reduction:
    """Find the first principal axes of vectors (N, D), d = min(dimensions, N, D), largest variance first.

    By subspace iteration (Halko et al. 2011): exact enough for neighbours and several times cheaper than the
    full decomposition.
    """
    if not len(vectors):
        return Reduction(np.zeros(vectors.shape[1], np.float32), np.zeros((vectors.shape[1], 0), np.float32))
    mean: Floats = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    centred: Floats = vectors - mean
    width = min(dimensions, *vectors.shape)
    basis = _range(centred, min(width + SPARE, vectors.shape[1]), seed)
    inside = centred @ basis
    turn = np.linalg.eigh(inside.T @ inside)[1][:, ::-1][:, :width]
    return Reduction(mean, _signed(basis @ turn))


def _range(centred: Floats, columns: int, seed: int) -> Floats:
    if columns == centred.shape[1]:
        return np.eye(columns, dtype=np.float32)
    random = np.random.default_rng(seed).standard_normal((centred.shape[1], columns))
    basis = _orthonormal(random.astype(np.float32))
    for _ in range(3):
        basis = _orthonormal(centred.T @ (centred @ basis))
    return basis


def _orthonormal(columns: Floats) -> Floats:
    # By the Gram matrix and not by QR: where other work shares the processor, QR's many small threaded calls
    # wait for each other, and took ten times as long.
    values, vectors = np.linalg.eigh((columns.T @ columns).astype(np.float64))
    least = max(float(values[-1]), 1e-30) * 1e-10
    turned: Floats = columns @ (vectors / np.sqrt(np.maximum(values, least))).astype(np.float32)
    return turned


def reduced_unit(vectors: Floats, *, seed: int = 0) -> Floats:
    """Return vectors (N, D), scaled to length one, as their first principal components (N, at most 128)."""
    step = -(-len(vectors) // SAMPLE) or 1
    reduction = principal(unit_vectors(vectors[::step]), REDUCED, seed=seed)
    blocks = [
        reduction.apply(unit_vectors(vectors[at : at + BLOCK]))
        for at in range(0, max(len(vectors), 1), BLOCK)
    ]
    return np.concatenate(blocks)


def _signed(axes: Floats) -> Floats:
    # An axis' sign is arbitrary; fixed here, so that one more item does not mirror the map.
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], axis=0)
    signed: Floats = np.where(largest < 0, -axes, axes)
    return signed
