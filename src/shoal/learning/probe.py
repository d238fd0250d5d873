"""The probe: which class an item is of, by ridge regression on its vector, with exact held-out answers."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from shoal.learning.checked import Floats, Ints

STRENGTH = 0.3
"""How strongly the weights are held small, in mean variances: of 0.1 to 3 the most accurate."""
TOP = 1 - 1e-6


@dataclass(frozen=True, slots=True)
class Probe:
    """A linear map from inputs (N, d) to one score a class (N, K); the classes' labels are `classes` (K,)."""

    weights: Floats
    bias: Floats
    classes: Ints

    @classmethod
    def fit(cls, inputs: Floats, labels: Ints, *, strength: float = STRENGTH) -> tuple[Self, Floats]:
        """Fit on inputs (M, d) with labels (M,); return it and the held-out scores (M, K) of the same items.

        Items labelled -2, none of these, are to score 0 for every class, and weigh like one class more.
        Ridge regression on one-hot classes, every class of equal weight whatever its size, because lassos
        take large and easy classes first. The held-out scores are those of a probe fitted without the item,
        exact and for nothing: with the hat value h_i, z_i = (z_i - h_i y_i) / (1 - h_i) (Allen 1974, PRESS).
        """
        groups, places = np.unique(labels, return_inverse=True)
        classes = groups[groups >= 0]
        targets = (labels[:, None] == classes).astype(np.float32)
        share = (1 / np.bincount(places)[places] / len(groups)).astype(np.float32)
        middle = share @ inputs
        centred = inputs - middle
        weighted = centred * share[:, None]
        covariance = (weighted.T @ centred).astype(np.float64)
        ridge = max(strength * float(np.trace(covariance)) / len(covariance), 1e-9)
        inverse = np.linalg.inv(covariance + ridge * np.eye(len(covariance))).astype(np.float32)
        mean = share @ targets
        weights = inverse @ (weighted.T @ targets)
        probe = cls(weights, (mean - middle @ weights).astype(np.float32), classes.astype(np.int64))
        hat = share + np.einsum("md,md->m", weighted @ inverse, centred)
        hat = np.minimum(hat, TOP)[:, None]
        return probe, (probe.scores(inputs) - hat * targets) / (1 - hat)

    def scores(self, inputs: Floats) -> Floats:
        """Return how well each of inputs (N, d) fits each class (N, K): about 1 where it does, else 0."""
        scores: Floats = inputs @ self.weights + self.bias
        return scores
