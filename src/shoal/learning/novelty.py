"""None of these: items that fit no class, told by how well they and their neighbours fit the best one."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.learning.checked import Floats, Ints

FAR = 0.55
"""An item is none of these where it fits less than this share of what labelled items usually do."""


def fit_of(best: Floats, neighbours: Ints) -> Floats:
    """Return how well each item and its surroundings fit: best (N,) averaged twice over neighbours (N, k).

    A new class is a region where nothing fits, so an item's neighbours know more than its own score.
    """
    for _ in range(2):
        best = (best + best[neighbours].sum(axis=1)) / np.float32(1 + neighbours.shape[1])
    return best


def least_fit(fits: Floats, labelled: NDArray[Any]) -> float:
    """Return the fit below which an item is none of these, from the fits of the labelled items."""
    return FAR * float(np.median(fits[labelled]))


def belonging(fits: Floats, labelled: NDArray[Any]) -> Floats:
    """Return how far each item (N,) is from none of these: 0 up to `least_fit`, 1 from the usual fit on.

    What nobody has named yet must not be pulled on the map to a class that it is not of.
    """
    usual, least = float(np.median(fits[labelled])), least_fit(fits, labelled)
    shares: Floats = np.clip((fits - least) / max(usual - least, 1e-9), 0, 1).astype(np.float32)
    return shares
