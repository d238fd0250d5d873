"""How vectors are brought to size before anything is learned from them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.training.checked import Floats


def scales_of(mean: NDArray[Any], deviation: NDArray[Any]) -> Floats:
    """Return what brings directions of this mean (D,) and deviation (D,) to a deviation of 1 (D,), float32.

    A direction that hardly moves beside the others is noise, and must not be blown up to their size.
    """
    least = max(1e-2 * float(np.median(deviation)), 1e-6 * float(deviation.max()))
    # a number that stays where it is still moves by its own rounding
    floor = np.maximum(least, 1e-6 * np.abs(mean))
    floor[floor == 0.0] = 1.0
    # beyond that 1 / x is no float32
    floor = np.maximum(floor, np.finfo(np.float32).tiny)
    scales: Floats = (1.0 / np.maximum(deviation, floor)).astype(np.float32)
    return scales
