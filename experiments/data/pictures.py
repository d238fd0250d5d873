"""What a set of pictures is, where sets lie, and pictures that stand in for them in a smoke test."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments.running import HERE, NotHere


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pixels (N, H, W) grey or (N, H, W, 3) uint8, labels (N,) int64, and the classes' names (K,)."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def at(self, rows: NDArray[np.int64]) -> "Pictures":
        """Return only the pictures at rows (M,)."""
        return Pictures(self.pixels[rows], self.labels[rows], self.classes)

    def first(self, per_class: int) -> "Pictures":
        """Return the first so many pictures of every class, in the order they have."""
        return self.at(first_of_each(self.labels, per_class))


def first_of_each(labels: NDArray[np.int64], per_class: int) -> NDArray[np.int64]:
    """Return the positions, ascending, of the first `per_class` items of every class in labels (N,)."""
    rows = [np.flatnonzero(labels == k)[:per_class] for k in np.unique(labels)]
    return np.sort(np.concatenate(rows))


def data_folder() -> Path:
    """Return $SHOAL_DATA, or `../shared/data` beside the project."""
    return Path(os.environ.get("SHOAL_DATA", HERE.parent.parent / "shared" / "data"))


def place(*parts: str, what: str) -> Path:
    """Return a path below the data folder; raise `NotHere` where there is nothing."""
    path = data_folder().joinpath(*parts)
    if not path.exists():
        raise NotHere(f"{what} ({'/'.join(parts)} in $SHOAL_DATA)")
    return path


def stand_in(
    classes: int = 4, per_class: int = 20, *, size: int = 28, colours: bool = False, seed: int = 0
) -> Pictures:
    """Return pictures that stand in for a set: each class a smooth pattern, each item its noisy copy."""
    rng = np.random.default_rng((seed, classes, size))
    shape = (classes, 4, 4, 3) if colours else (classes, 4, 4)
    step = -(-size // 4)
    patterns = rng.uniform(0, 1, shape).repeat(step, axis=1).repeat(step, axis=2)[:, :size, :size]
    labels = np.repeat(np.arange(classes), per_class)
    pixels = patterns[labels] + rng.normal(scale=0.6, size=(len(labels), *patterns.shape[1:]))
    return Pictures(
        (255 * pixels.clip(0, 1)).astype(np.uint8), labels, tuple(f"class {k}" for k in range(classes))
    )
