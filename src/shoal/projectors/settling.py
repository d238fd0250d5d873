"""The map of a round: points of any kind laid out from where the items already are."""

from dataclasses import replace

import numpy as np

from shoal.projectors.affinities import affinities
from shoal.projectors.checked import Floats
from shoal.projectors.descent import Phase, descend, natural_scale
from shoal.projectors.neighbours import nearest
from shoal.projectors.registration import register
from shoal.types import Watch

FEWEST = 4
"""Below this many items there is nothing to optimise: they stay."""
JITTER = 1e-2


def settle(
    points: Floats,
    start: Floats,
    *,
    neighbours: int = 30,
    iterations: int = 100,
    seed: int = 0,
    watch: Watch = lambda _: None,
) -> Floats:
    """Lay points (N, d) so that near ones are neighbours, from start (N, 2), all finite, and in its frame.

    t-SNE on the Euclidean neighbours of the points as they are, unscaled. `watch` hears of every step and
    may raise to stop.
    """
    if len(points) < FEWEST:
        return start.copy()
    found = nearest(np.ascontiguousarray(points), neighbours, watch=_half(watch, 0))
    graph = affinities(found, neighbours / 2)
    centre = start.mean(axis=0)
    scale = natural_scale(graph, start - centre, 1.0, seed=seed)
    noise = JITTER * np.random.default_rng(seed).standard_normal(start.shape)
    begin = ((start - centre) * scale + noise).astype(np.float32)
    laid = descend(graph, begin, [Phase(iterations, 1.0, 0.8)], _half(watch, 1))
    return _spread_as(register(laid, start), start)


def _half(watch: Watch, number: int) -> Watch:
    """Return who hears of the first half of the work (0) or the second (1) and tells it as of the whole."""
    return lambda part: watch(replace(part, done=number * part.total + part.done, total=2 * part.total))


def _spread_as(xy: Floats, start: Floats) -> Floats:
    # Least squares shrink what has changed much: round after round the map would fall into a point.
    now, before = (float((p - p.mean(axis=0)).std()) for p in (xy, start))
    centre = xy.mean(axis=0)
    spread: Floats = centre + (xy - centre) * np.float32(before / now if now > 0 and before > 0 else 1.0)
    return spread
