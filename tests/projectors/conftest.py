"""Vectors for the projectors' tests."""

import numpy as np
import pytest
from numpy.typing import NDArray

from shoal.projectors.checked import Floats

Blobs = tuple[Floats, NDArray[np.int64]]


@pytest.fixture(scope="session")
def blobs() -> Blobs:
    """600 vectors 32 wide in 12 well separated groups, shuffled, and the group of each."""
    random = np.random.default_rng(1)
    groups = random.permutation(np.repeat(np.arange(12), 50))
    centres = random.standard_normal((12, 32)) * 2
    return (centres[groups] + random.standard_normal((600, 32)) * 0.5).astype(np.float32), groups
