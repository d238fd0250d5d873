"""None of these: items that fit no class, told by how well they and their neighbours fit the best one."""

import numpy as np

from shoal.learning.checked import Floats, Ints
from shoal.types import NONE_OF_THESE

FAR = 0.55
"""An item is none of these where it fits less than this share of what labelled items usually do."""
SPARED = 0.05
"""This share of the labelled items, at most, may be lost to the answers that items are none of these."""


def fit_of(best: Floats, neighbours: Ints) -> Floats:
    """Return how well each item and its surroundings fit: best (N,) averaged twice over neighbours (N, k).

    A new class is a region where nothing fits, so an item's neighbours know more than its own score.
    """
    for _ in range(2):
        best = (best + best[neighbours].sum(axis=1)) / np.float32(1 + neighbours.shape[1])
    return best


def least_fit(fits: Floats, labels: Ints) -> float:
    """Return the fit below which an item is none of these, from fits (N,) of items with labels (N,).

    Where items were said to be none of these (-2), half way between their fits and the usual one is enough,
    as long as at most `SPARED` of the labelled ones lie below.
    """
    labelled, none = fits[labels >= 0], fits[labels == NONE_OF_THESE]
    usual = float(np.median(labelled))
    if not len(none):
        return FAR * usual
    between = (usual + float(np.median(none))) / 2
    return max(FAR * usual, min(between, float(np.quantile(labelled, SPARED))))


def belonging(fits: Floats, labels: Ints, least: float) -> Floats:
    """Return how far each item (N,) is from none of these: 0 up to `least`, 1 from the usual fit on.

    What nobody has named yet must not be pulled on the map to a class that it is not of.
    """
    usual = float(np.median(fits[labels >= 0]))
    shares: Floats = np.clip((fits - least) / max(usual - least, 1e-9), 0, 1).astype(np.float32)
    return shares
