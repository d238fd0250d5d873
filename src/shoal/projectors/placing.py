"""New items in an existing map: where their nearest neighbours are, without moving anything."""

import numpy as np

from shoal.arrays import unit_vectors
from shoal.projectors.checked import Floats
from shoal.projectors.neighbours import nearest_among

NEIGHBOURS = 10
ENOUGH = 20_000
"""Among more placed items than this, an even sample of them says where new ones belong."""
JITTER = 0.25
"""How far new items scatter around their place, in typical distances between placed items."""


def place_among(vectors: Floats, placed: Floats, xy: Floats, *, seed: int = 0) -> Floats:
    """Place vectors (M, D) among `placed` (N, D) at `xy` (N, 2): at the weighted median of the nearest ten.

    A median, not a mean: an item with neighbours in two islands goes to one of them, not into the sea
    between. A small scatter, the same for the same seed, keeps equal items from lying on each other. With
    nothing placed all new items lie around the origin.
    """
    random = np.random.default_rng(seed)
    scatter = random.standard_normal((len(vectors), 2)).astype(np.float32)
    if not len(placed):
        return scatter
    gap = typical_gap(xy)
    step = -(-len(placed) // ENOUGH)
    placed, xy = placed[::step], xy[::step]
    found = nearest_among(unit_vectors(vectors), unit_vectors(placed), NEIGHBOURS)
    squared = np.maximum(found.squared, 0)
    scale = np.maximum(squared[:, -1:], 1e-12)
    weights = np.exp(-4 * squared / scale)
    return _median(xy[found.ids], weights) + np.float32(JITTER * gap) * scatter


def completed(start: Floats, vectors: Floats, *, seed: int = 0) -> Floats:
    """Return start (N, 2) with its NaN rows placed among the others by their vectors (N, D)."""
    known = np.isfinite(start).all(axis=1)
    complete = start.copy()
    complete[~known] = place_among(vectors[~known], vectors[known], start[known], seed=seed)
    return complete


def typical_gap(xy: Floats) -> float:
    """Return about how far neighbours at xy (N, 2), N > 0, lie apart, going by the middle half of the map.

    Where that has no area: the longest side over N, and 0.01 where all lie on one point.
    """
    low, high = np.percentile(xy, [25, 75], axis=0)
    even = float(np.sqrt(np.prod(high - low) * 4 / len(xy)))
    return even or float(np.ptp(xy, axis=0).max()) / len(xy) or 0.01


def _median(points: Floats, weights: Floats) -> Floats:
    # Weiszfeld's iteration, all items at once: points (M, k, 2), weights (M, k).
    total = weights.sum(axis=1, keepdims=True)
    centre = np.einsum("mkd,mk->md", points, weights) / total
    for _ in range(20):
        distance = np.linalg.norm(points - centre[:, None], axis=2)
        closeness = weights / np.maximum(distance, distance.max(axis=1, keepdims=True) * 1e-3 + 1e-12)
        centre = np.einsum("mkd,mk->md", points, closeness) / closeness.sum(axis=1, keepdims=True)
    median: Floats = centre.astype(np.float32)
    return median
