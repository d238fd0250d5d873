"""None of these: items that fit no class, told by how well they and their neighbours fit the best one."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.learning.checked import Floats, Ints

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


def least_fit(fits: Floats, labelled: NDArray[Any], none: NDArray[Any]) -> float:
    """Return the fit below which an item is none of these, from the fits of the labelled items.

    Where items were said to be none of these, half way between their fits and the usual one is enough,
    as long as at most `SPARED` of the labelled ones lie below.
    """
    usual = float(np.median(fits[labelled]))
    if not len(none):
        return FAR * usual
    between = (usual + float(np.median(fits[none]))) / 2
    return max(FAR * usual, min(between, float(np.quantile(fits[labelled], SPARED))))


def belonging(fits: Floats, labelled: NDArray[Any], least: float) -> Floats:
    """Return how far each item (N,) is from none of these: 0 up to `least`, 1 from the usual fit on.

    What nobody has named yet must not be pulled on the map to a class that it is not of.
    """
    usual = float(np.median(fits[labelled]))
    shares: Floats = np.clip((fits - least) / max(usual - least, 1e-9), 0, 1).astype(np.float32)
    return shares
