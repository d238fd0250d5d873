"""Sets of photographs in files: Caltech-101, and the birds of CUB-200-2011 where somebody has put them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments.data.pictures import place


@dataclass(frozen=True, slots=True)
class Files:
    """Picture files, labels (N,) int64, and the classes' names (K,)."""

    files: tuple[Path, ...]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]


def caltech101(*, folder: Path | None = None) -> Files:
    """Return the photographs of a folder of class folders; `NotHere` where there is none."""
    where = folder or place("caltech101", what="Caltech-101 (Fei-Fei, Fergus, Perona 2004)")
    classes = sorted(entry.name for entry in where.iterdir() if entry.is_dir())
    files = [sorted((where / name).iterdir()) for name in classes]
    labels = np.repeat(np.arange(len(classes)), [len(each) for each in files])
    return Files(tuple(file for each in files for file in each), labels, tuple(classes))


def cub(*, folder: Path | None = None) -> Files:
    """Return the 11,788 birds of CUB-200-2011 in the order of its `images.txt`; `NotHere` without them.

    The literature trains on the first 100 classes and tests on the others.
    """
    where = folder or place("CUB_200_2011", what="CUB-200-2011 (Wah et al. 2011), unpacked")
    names = [line.split()[1] for line in (where / "classes.txt").read_text().splitlines()]
    images = dict(line.split() for line in (where / "images.txt").read_text().splitlines())
    numbers = dict(line.split() for line in (where / "image_class_labels.txt").read_text().splitlines())
    files = tuple(where / "images" / images[key] for key in images)
    return Files(files, np.array([int(numbers[key]) - 1 for key in images]), tuple(names))
