"""Synthetic groups whose overlap, density and noise are known."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.types import UNLABELLED, Scalar


@dataclass(frozen=True, slots=True)
class Groups:
    """Vectors (N, D) and the group (N,) each was drawn from; -1 for noise."""

    vectors: NDArray[np.float64]
    truth: NDArray[np.int64]


def draw(values: Mapping[str, Scalar], *, per_group: int, seed: int) -> Groups:
    """Draw normal groups of unit variance: `classes`, `dimensions`, `separation`, `density`, `noise`.

    The first group has `density` times the items of the others; `noise` times as many items as all groups
    lie evenly in the box around them and belong to none.
    """
    classes, dimensions = int(values["classes"] or 0), int(values["dimensions"] or 0)
    rng = np.random.default_rng((seed, classes, dimensions, int(float(values["separation"] or 0))))
    middles = chain(classes, dimensions, float(values["separation"] or 0), rng)
    sizes = [per_group * (int(values["density"] or 1) if k == 0 else 1) for k in range(classes)]
    truth = np.repeat(np.arange(classes), sizes)
    items = middles[truth] + rng.normal(size=(len(truth), dimensions))
    stray = round(float(values["noise"] or 0) * len(truth))
    noise = rng.uniform(items.min(axis=0), items.max(axis=0), size=(stray, dimensions))
    return Groups(np.concatenate([items, noise]), np.concatenate([truth, np.full(stray, UNLABELLED)]))


def chain(classes: int, dimensions: int, separation: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return middles (K, D): each new one exactly `separation` from one before, and from no other nearer."""
    middles = np.zeros((1, dimensions))
    while len(middles) < classes:
        step = rng.normal(size=dimensions)
        new = middles[rng.integers(len(middles))] + separation * step / np.linalg.norm(step)
        if np.linalg.norm(middles - new, axis=1).min() >= separation * (1 - 1e-9):
            middles = np.concatenate([middles, new[None]])
    return middles
