"""What the projectors that other packages compute have in common: preparing, starting, placing, refusing."""

from abc import ABC, abstractmethod
from importlib import import_module
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from shoal.projectors.checked import (
    Floats,
    ProjectorError,
    at_least,
    checked_placing,
    checked_start,
    checked_vectors,
)
from shoal.projectors.pca import PCA
from shoal.projectors.placing import completed, place_among
from shoal.projectors.reduction import reduced_unit
from shoal.projectors.registration import register
from shoal.types import Progress, Scalar, Watch

FEWEST = 16
"""Below this many items the packages fail or warn: PCA lays them."""
LEAST_SPREAD = 1e-6
"""Vectors of length one that differ by less are the same one; the packages would divide by nothing."""


class Guest(ABC):
    """A projector whose work an optional package does; its class is loaded only when it is used."""

    name: ClassVar[str]
    package: ClassVar[str]
    """What pip installs."""
    module: ClassVar[str]

    def __init__(self, seed: int = 0, *, neighbours: int = 15) -> None:
        at_least(self.name, "neighbours", neighbours, 2)
        self.seed, self.neighbours = seed, neighbours

    def parameters(self) -> dict[str, Scalar]:
        """Return everything besides the seed that decides the result."""
        return {"neighbours": self.neighbours}

    def fit(
        self,
        vectors: NDArray[np.floating],
        *,
        start: Floats | None = None,
        watch: Watch = lambda _: None,
    ) -> Floats:
        """Place vectors (N, D), scaled to length one, as (N, 2); with `start` (N, 2; NaN: none) in its frame.

        `watch` hears that it is at work, and how far where the package says so. Raises `ProjectorError` where
        vectors or start are malformed or the package is not installed.
        """
        checked = checked_vectors(self.name, vectors)
        onto = checked_start(self.name, start, len(checked))
        watch(Progress(0, 0, "finding neighbours"))
        reduced = reduced_unit(checked, seed=self.seed)
        if len(checked) < FEWEST or np.ptp(reduced, axis=0).max() < LEAST_SPREAD:
            return PCA(self.seed).fit(checked, start=onto)
        begin = None if onto is None else _standard(completed(onto, checked, seed=self.seed))
        watch(Progress(0, 0, f"{self.package} at work"))
        xy = np.asarray(self._project(reduced, begin, watch), dtype=np.float32)
        if not np.isfinite(xy).all():
            raise ProjectorError(
                f"projector {self.name}: {self.package} returned positions that are not finite."
            )
        return xy if onto is None else register(xy, onto)

    def place(self, vectors: NDArray[np.floating], placed: NDArray[np.floating], xy: Floats) -> Floats:
        """Place new vectors (M, D) where their neighbours among `placed` (N, D) lie at `xy` (N, 2).

        Raises `ProjectorError` where the arrays do not fit together.
        """
        return place_among(*checked_placing(self.name, vectors, placed, xy), seed=self.seed)

    @abstractmethod
    def _project(self, reduced: Floats, begin: Floats | None, watch: Watch) -> Any:
        """Let the package place reduced (N, d), from `begin` (N, 2; centred, of spread one) where given."""

    def _load(self) -> Any:
        try:
            return import_module(self.module)
        except ImportError as error:
            raise ProjectorError(
                f"projector {self.name} needs the package {self.package}, which does not load here "
                f"({error}): pip install {self.package}, or take the projector tsne, which needs nothing."
            ) from error


def _standard(start: Floats) -> Floats | None:
    # A start on one point arranges nothing: the fit then begins as it would without.
    centred = start - start.mean(axis=0)
    spread = float(centred.std())
    return (centred / spread).astype(np.float32) if spread > LEAST_SPREAD else None
