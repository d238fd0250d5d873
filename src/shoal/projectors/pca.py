"""The projector `pca`: the two directions of largest variance."""

import numpy as np
from numpy.typing import NDArray

from shoal.arrays import unit_vectors
from shoal.projectors.checked import Floats, checked_placing, checked_start, checked_vectors
from shoal.projectors.reduction import principal
from shoal.projectors.registration import register
from shoal.types import Scalar, Watch


class PCA:
    """The first two principal components of the vectors scaled to length one. Linear, instant, no islands."""

    name = "pca"

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def parameters(self) -> dict[str, Scalar]:
        """Return nothing: besides the seed nothing decides the result."""
        return {}

    def fit(
        self,
        vectors: NDArray[np.floating],
        *,
        start: Floats | None = None,
        watch: Watch = lambda _: None,
    ) -> Floats:
        """Return the first two components (N, 2) of vectors (N, D), laid onto `start` (N, 2) where given.

        There is nothing for `watch` to hear: it takes no time. Raises `ProjectorError` where vectors or start
        are malformed.
        """
        del watch
        checked = checked_vectors(self.name, vectors)
        onto = checked_start(self.name, start, len(checked))
        xy = plane(checked, checked, seed=self.seed)
        return xy if onto is None else register(xy, onto)

    def place(self, vectors: NDArray[np.floating], placed: NDArray[np.floating], xy: Floats) -> Floats:
        """Place new vectors (M, D) by the affine map that takes the plane of `placed` (N, D) to `xy` (N, 2).

        Raises `ProjectorError` where the arrays do not fit together.
        """
        new, old, where = checked_placing(self.name, vectors, placed, xy)
        if not len(new) or not len(old):
            return np.zeros((len(new), 2), np.float32)
        both = plane(np.concatenate([old, new]), old, seed=self.seed)
        homogeneous = np.column_stack([both, np.ones(len(both), np.float32)])
        affine = np.linalg.lstsq(homogeneous[: len(old)], where, rcond=None)[0]
        positions: Floats = (homogeneous[len(old) :] @ affine).astype(np.float32)
        return positions


def plane(vectors: Floats, of: Floats, *, seed: int) -> Floats:
    """Return vectors (N, D) in the plane (N, 2) of the first two components of `of` (K, D)."""
    components = principal(unit_vectors(of), 2, seed=seed).apply(unit_vectors(vectors))
    return np.pad(components, ((0, 0), (0, 2 - components.shape[1])))
