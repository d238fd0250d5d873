"""Principal components of rows: exact where they fit into memory, otherwise found as the rows pass."""

import numpy as np

from shoal.introspection.checked import Floats

SIDE = 1 << 12
"""Exact where there are no more rows or no more columns than this: eigenvectors of so many take seconds."""
HELD = 1 << 25
"""How many numbers are held to be exact: 128 MiB, and twice as much again at the end."""


def is_exact(rows: int, columns: int, held: int = HELD) -> bool:
    """Return whether the components of so many rows and columns are computed at once, and exactly."""
    return min(rows, columns) <= SIDE and rows * columns <= held


def exact(rows: Floats, components: int) -> Floats:
    """Return the principal components (N, `components`) of rows (N, D), widest first, by eigenvectors.

    Of the products of columns or of rows in float64, whichever are fewer. The largest number of each
    component is positive.
    """
    from scipy.linalg import eigh

    n, width = rows.shape
    centred = rows - rows.mean(axis=0, dtype=np.float64)
    side = min(n, width)
    products = centred.T @ centred if width <= n else centred @ centred.T
    squares, axes = eigh(products, subset_by_index=[side - components, side - 1])
    found = centred @ axes if width <= n else axes * np.sqrt(np.maximum(squares, 0.0))
    found = found[:, ::-1]
    largest = found[np.abs(found).argmax(axis=0), np.arange(components)]
    turned: Floats = (found * np.where(largest < 0, -1.0, 1.0)).astype(np.float32)
    return turned


class Holding:
    """Holds all rows."""

    def __init__(self, components: int) -> None:
        self._components, self._rows = components, list[Floats]()

    def add(self, rows: Floats) -> None:
        """Hold the next rows (B, D)."""
        self._rows.append(rows)

    def reduced(self) -> Floats:
        """Return the exact components (N, `components`)."""
        return exact(np.concatenate(self._rows), self._components)


class Passing:
    """Holds components only, by Ross et al. (2008): close to the exact ones where variances differ clearly.

    The rows must pass again to be reduced.
    """

    def __init__(self, components: int) -> None:
        from sklearn.decomposition import IncrementalPCA

        self._reducer = IncrementalPCA(components)

    def add(self, rows: Floats) -> None:
        """Take the next rows (B, D), at least as many as components."""
        self._reducer.partial_fit(rows)

    def reduced(self, rows: Floats) -> Floats:
        """Return the components (B, `components`) of rows (B, D)."""
        found: Floats = self._reducer.transform(rows).astype(np.float32)
        return found
