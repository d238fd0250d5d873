"""A probe's scores to probabilities that can be believed."""

import numpy as np
from numpy.typing import NDArray

from shoal.learning.checked import Floats, Ints

COLDEST, HOTTEST, STEPS = 0.01, 1.0, 48
BORROWED = 5
"""A class's held-out scores are joined by so many that are spread as those of all classes."""
BINS = 20
EVEN = 5
"""So many items of every p-value are imagined, so that chance among few does not pass for strangers."""


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


def typicality(scores: Floats, held: Floats, places: Ints) -> NDArray[np.float64]:
    """Return how usual the best score of each item is for its class: p-values (N,), near 0 for strangers.

    scores (N, K) of the items, held (M, K) held-out scores of the labelled ones, whose classes are places
    (M,): the share of the class's own held-out scores that are no higher (Vovk et al. 2005). Where a class
    has few, what is usual for all classes counts too.
    """
    best, guesses = scores.max(axis=1), scores.argmax(axis=1)
    own = held[np.arange(len(places)), places]
    among_all = np.searchsorted(np.sort(own), best, side="right") / (len(own) + 1)
    usual = np.empty(len(best))
    for k in range(scores.shape[1]):
        of_class, asked = np.sort(own[places == k]), guesses == k
        below = np.searchsorted(of_class, best[asked], side="right")
        usual[asked] = (below + BORROWED * among_all[asked]) / (len(of_class) + BORROWED)
    return usual


def fairness(usual: NDArray[np.float64]) -> Floats:
    """Return for p-values (N,) the probability that an item is drawn as the labelled ones were: factors (N,).

    Lassos take the pure and easy regions, so what is left over is harder than any held-out answer says, and
    holds classes without a name. Were it drawn alike, p-values would be uniform; how much more crowded the
    low ones are than the upper half tells how many strangers are among them: the local false discovery
    rate (Efron et al. 2001) with a falling density (Grenander 1956). 1 everywhere for a fair sample.
    """
    from sklearn.isotonic import IsotonicRegression

    count = np.histogram(usual, BINS, (0, 1))[0] + EVEN
    density = IsotonicRegression(increasing=False).fit_transform(np.arange(BINS), count)
    factors = np.minimum(1, density[BINS // 2] / density).astype(np.float32)
    found: Floats = factors[np.minimum((usual * BINS).astype(np.int64), BINS - 1)]
    return found
