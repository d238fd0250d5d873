"""The repulsion of t-SNE between all pairs at once, by a convolution on a mesh.

All pairs repel by the Cauchy kernel q = 1 / (1 + d^2). Its force q^2 (y_i - y_j) is -1/2 the gradient of the
potential sum_j q, so one convolution is enough: cubic B-splines spread the items onto a mesh, the Fourier
transform convolves, the splines' derivatives read the force back (smooth particle-mesh Ewald, Essmann et
al. 1995, on the kernel of FIt-SNE, Linderman et al. 2019). The cost grows with N + the mesh, not N^2, and
there is no sampling, so no noise.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from shoal.projectors.checked import Floats

CELL = 0.5
"""Width of a cell; the kernel's own width is 1. Forces are then right within a few per cent."""
LARGEST = 1024
"""Cells of the mesh along one side, the empty half included; maps too wide for it get wider cells."""
MARGIN = 8
BLOCK = 16_384
"""Items that are spread and read at a time: their sixteen cells stay in the processor's cache."""
_OFFSETS = np.arange(4)


@dataclass(frozen=True, slots=True)
class Field:
    """What items feel of all others: potential (N,) sum_j 1 / (1 + d^2), self included, and force (N, 2)."""

    potential: Floats
    force: Floats


class Mesh:
    """Computes fields; keeps the last transformed kernel, for maps change their width slowly."""

    def __init__(self) -> None:
        self._shape: tuple[int, float] = (0, 0.0)
        self._kernel: Floats = np.zeros((0, 0), np.float32)

    def field(self, xy: Floats) -> Field:
        """Return the field at xy (N, 2), N > 0, of the items themselves, within a few per cent."""
        low = xy.min(axis=0)
        cells, width = _mesh_for(float((xy - low).max()))
        blocks = [slice(start, start + BLOCK) for start in range(0, len(xy), BLOCK)]
        splines = [_splines((xy[block] - low) / np.float32(width) + np.float32(2), cells) for block in blocks]
        density = np.zeros(cells * cells)
        for spline in splines:
            density += np.bincount(spline.cells.ravel(), spline.spread().ravel(), cells * cells)
        near = self._convolved(density.astype(np.float32).reshape(cells, cells), width).ravel()
        field = Field(np.empty(len(xy), np.float32), np.empty((len(xy), 2), np.float32))
        for block, spline in zip(blocks, splines, strict=True):
            field.potential[block], field.force[block] = spline.read(near)
        np.multiply(field.force, np.float32(-0.5 / width), out=field.force)
        return field

    def _convolved(self, density: Floats, width: float) -> Floats:
        cells = len(density)
        if self._shape != (cells, width):
            self._shape, self._kernel = (cells, width), _kernel(cells, width)
        spectrum = fft.rfft2(density, workers=2)
        spectrum *= self._kernel
        convolved: Floats = fft.irfft2(spectrum, s=density.shape, workers=2)
        return convolved


def _mesh_for(span: float) -> tuple[int, float]:
    # Twice the cells needed, the other half staying empty: the transform wraps around, the map must not.
    # Steps of 32 cells, or of a tenth in width, so that a growing map needs a new kernel only now and then.
    needed = 2 * (int(span / CELL) + MARGIN)
    if needed > LARGEST:
        least = span / (LARGEST // 2 - MARGIN)
        return LARGEST, CELL * 1.1 ** math.ceil(math.log(least / CELL, 1.1))
    return fft.next_fast_len(-(-needed // 32) * 32, real=True), CELL


@dataclass(frozen=True, slots=True)
class _Splines:
    """The 16 cells (N, 4, 4) that each item spreads over, and per axis its four weights (N, 4) and slopes."""

    cells: NDArray[np.intp]
    weights: list[Floats]
    slopes: list[Floats]

    def spread(self) -> Floats:
        """Return how much of itself each item gives to its cells (N, 4, 4)."""
        return self.weights[0][:, :, None] * self.weights[1][:, None, :]

    def read(self, mesh: Floats) -> tuple[Floats, Floats]:
        """Return what the mesh is at the items (N,), and its slope there (N, 2), in cells."""
        near = mesh[self.cells]
        by_row = np.einsum("nab,nb->na", near, self.weights[1])
        slope_x = (by_row * self.slopes[0]).sum(axis=1)
        slope_y = (np.einsum("nab,nb->na", near, self.slopes[1]) * self.weights[0]).sum(axis=1)
        return (by_row * self.weights[0]).sum(axis=1), np.stack([slope_x, slope_y], axis=1)


def _splines(place: Floats, cells: int) -> _Splines:
    """Return the cubic B-splines of items at `place` (N, 2), in cells, on a mesh of so many a side."""
    floor = np.floor(place)
    weights: list[Floats] = []
    slopes: list[Floats] = []
    for axis in range(2):
        t = place[:, axis] - floor[:, axis]
        s = 1 - t
        values = [s**3 / 6, 2 / 3 - t * t * (1 - t / 2), 2 / 3 - s * s * (1 - s / 2), t**3 / 6]
        weights.append(np.stack(values, axis=1).astype(np.float32, copy=False))
        values = [-s * s / 2, t * (1.5 * t - 2), s * (2 - 1.5 * s), t * t / 2]
        slopes.append(np.stack(values, axis=1).astype(np.float32, copy=False))
    first = floor.astype(np.intp) - 1
    rows = (first[:, :1] + _OFFSETS)[:, :, None] * cells
    return _Splines(rows + (first[:, 1:] + _OFFSETS)[:, None, :], weights, slopes)


def _kernel(cells: int, width: float) -> Floats:
    steps = np.minimum(np.arange(cells), cells - np.arange(cells)) * width
    spectrum = fft.rfft2(1 / (1 + steps[:, None] ** 2 + steps**2)).real
    # Spreading and reading smooth twice; dividing by the spline's own spectrum undoes it.
    rows, columns = ((4 + 2 * np.cos(2 * np.pi * f)) / 6 for f in (fft.fftfreq(cells), fft.rfftfreq(cells)))
    kernel: Floats = (spectrum / (rows[:, None] * columns) ** 2).astype(np.float32)
    return kernel
