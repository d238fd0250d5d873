"""Gradient descent on the t-SNE loss: neighbours attract along the graph, all pairs repel on the mesh."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from shoal.projectors.affinities import Graph
from shoal.projectors.checked import Floats
from shoal.projectors.repulsion import Mesh
from shoal.types import Progress, Watch

LONGEST_STEP = 5.0
"""No item moves farther in one step, in units of the kernel's width."""

WIDEST = 40.0
"""Root mean square radius that cold fits reach: a larger start costs a larger mesh and gains nothing."""
PAIRS = 300_000
"""Pairs drawn to estimate the repulsion where its sum is enough."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of the descent: steps, how much stronger than in plain t-SNE neighbours attract, momentum."""

    steps: int
    exaggeration: float
    momentum: float


def descend(graph: Graph, xy: Floats, phases: list[Phase], watch: Watch = lambda _: None) -> Floats:
    """Move xy (N, 2), N > 1, in t-SNE's own units, down the loss; the centre stays at the origin.

    `watch` hears of every step before it is taken and may raise to stop.
    """
    velocity, gains = np.zeros_like(xy), np.ones_like(xy)
    mesh, steps = Mesh(), sum(phase.steps for phase in phases)
    with ThreadPoolExecutor(1) as other:
        for step, (exaggeration, momentum) in enumerate(_steps(phases)):
            watch(Progress(step, steps, "laying out"))
            pull = other.submit(attraction, graph, xy)
            field = mesh.field(xy)
            normaliser = max(float(field.potential.sum(dtype=np.float64)) - len(xy), 1e-12)
            gradient = 4 * (exaggeration * pull.result() - field.force / np.float32(normaliser))
            gains = np.where(gradient * velocity < 0, gains + 0.2, np.maximum(gains * 0.8, 0.01))
            velocity = momentum * velocity - (len(xy) / exaggeration) * gains * gradient
            velocity = _limited(velocity.astype(np.float32))
            xy = xy + velocity
            xy -= xy.mean(axis=0, dtype=np.float64).astype(np.float32)
    return xy


def attraction(graph: Graph, xy: Floats) -> Floats:
    """Return sum_j p_ij q_ij (y_i - y_j) (N, 2) over the neighbours of items at xy (N, 2)."""
    pull = graph.weighted(graph.upper.data / (1 + _squared(graph, xy)))
    ones = np.ones(len(xy), np.float32)
    total: Floats = (pull @ ones + pull.T @ ones)[:, None] * xy - pull @ xy - pull.T @ xy
    return total


def natural_scale(graph: Graph, xy: Floats, exaggeration: float, *, seed: int) -> float:
    """Return the factor by which centred xy (N, 2), N > 1, has the least loss.

    A map in the unit square says nothing of the size at which t-SNE's forces balance. The repulsion of all
    pairs is estimated from an even draw of them.
    """
    near = _squared(graph, xy)
    first, second = np.random.default_rng(seed).integers(0, len(xy), (2, PAIRS))
    far = ((xy[first] - xy[second])[first != second] ** 2).sum(axis=1, dtype=np.float64)
    spread = float(np.sqrt((xy**2).sum(axis=1).mean()))
    if spread <= 0 or not far.size:
        return 1.0
    scales = np.geomspace(0.1, min(2 * np.sqrt(len(xy)) + 1, WIDEST), 32) / spread
    losses = [
        2 * exaggeration * float(graph.upper.data @ np.log1p(scale**2 * near))
        + float(np.log(np.mean(1 / (1 + scale**2 * far))))
        for scale in scales
    ]
    return float(scales[int(np.argmin(losses))])


def _squared(graph: Graph, xy: Floats) -> Floats:
    apart = graph.apart(np.ascontiguousarray(xy).view(np.complex64)[:, 0])
    squared: Floats = apart.real**2 + apart.imag**2
    return squared


def _steps(phases: list[Phase]) -> Iterator[tuple[float, float]]:
    for phase in phases:
        yield from [(phase.exaggeration, phase.momentum)] * phase.steps


def _limited(velocity: Floats) -> Floats:
    length = np.sqrt(np.einsum("nd,nd->n", velocity, velocity))[:, None]
    limited: Floats = velocity * (LONGEST_STEP / np.maximum(length, LONGEST_STEP)).astype(np.float32)
    return limited
