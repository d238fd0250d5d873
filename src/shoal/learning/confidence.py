"""A probe's scores to probabilities that can be believed."""

import numpy as np

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

    Temperature scaling, Guo et al. (2017) section 4.2, with Platt's (1999) targets: one answer more is
    imagined right and one wrong, so that a few right ones do not make a probe sure of everything.
    """
    rows, others = np.arange(len(places)), max(scores.shape[1] - 1, 1)
    losses = []
    heats = np.geomspace(COLDEST, HOTTEST, STEPS)
    for heat in heats:
        logs = np.log(np.maximum(probabilities(scores, float(heat)), 1e-12))
        right = logs[rows, places]
        wrong = (logs.sum(axis=1) - right) / others
        losses.append(-float((len(places) + 1) * right.mean() + wrong.mean()))
    return float(heats[int(np.argmin(losses))])
