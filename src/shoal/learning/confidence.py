"""Scores to probabilities that can be believed, and how far they can."""

import numpy as np
from numpy.typing import NDArray

from shoal.learning.checked import Floats, Ints

COLDEST, HOTTEST, STEPS = 0.01, 1.0, 48


def probabilities(scores: Floats, temperature: float) -> Floats:
    """Return softmax(scores / temperature) (N, K)."""
    raised = (scores - scores.max(axis=1, keepdims=True)) / np.float32(temperature)
    shares: Floats = np.exp(raised)
    shares /= shares.sum(axis=1, keepdims=True)
    return shares


def fitted_temperature(scores: Floats, places: Ints) -> float:
    """Return the temperature at which held-out scores (M, K) give the true places (M,) the most likelihood.

    Temperature scaling, Guo et al. (2017) section 4.2.
    """
    rows = np.arange(len(places))
    losses = []
    heats = np.geomspace(COLDEST, HOTTEST, STEPS)
    for heat in heats:
        shares = probabilities(scores, float(heat))[rows, places]
        losses.append(float(-np.log(np.maximum(shares, 1e-12)).sum()))
    return float(heats[int(np.argmin(losses))])


def calibration_error(confidence: Floats, right: NDArray[np.bool_], *, bins: int = 15) -> float:
    """Return the expected calibration error: the mean gap between confidence (N,) and accuracy, over bins.

    Naeini et al. (2015), with bins of equal width on [0, 1]; 0 for no items.
    """
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    count = np.bincount(place, minlength=bins)
    gap = np.bincount(place, confidence, bins) - np.bincount(place, right.astype(np.float64), bins)
    return float(np.abs(gap).sum() / max(count.sum(), 1))
