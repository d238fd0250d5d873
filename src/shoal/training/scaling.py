"""How vectors are brought to size before anything is learned from them."""

import numpy as np

from shoal.training.checked import Floats


def unit_vectors(rows: Floats) -> Floats:
    """Return rows (N, D) float32 scaled to length 1, whatever their size; a zero row stays zero."""
    exponents = np.frexp(np.abs(rows).max(axis=1, keepdims=True))[1]
    # a power of two costs no digit, and squares neither overflow nor vanish then
    scaled: Floats = rows * np.ldexp(np.float32(1.0), -np.clip(exponents, -126, 126))
    lengths = np.linalg.norm(scaled, axis=1, keepdims=True)
    scaled /= np.where(lengths == 0.0, np.float32(1.0), lengths)
    return scaled
