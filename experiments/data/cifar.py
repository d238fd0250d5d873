"""CIFAR-100 from contact sheets: one lossless WebP a class, tiles of 32 x 32 px."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments.data.pictures import Pictures, place

SIDE = 32


def cifar100(part: str = "test", *, folder: Path | None = None) -> Pictures:
    """Return the "train" (500 a class) or "test" (100 a class) pictures; `NotHere` where there are none."""
    where = folder or place("cifar100", what="CIFAR-100 (Krizhevsky 2009)")
    files = sorted((where / part).glob("*.webp"))
    tiles = [_tiles(file) for file in files]
    labels = np.repeat(np.arange(len(files)), [len(each) for each in tiles])
    return Pictures(np.concatenate(tiles), labels, tuple(file.stem for file in files))


def superclasses(*, folder: Path | None = None) -> NDArray[np.int64]:
    """Return the superclass (100,) of each class, numbered in alphabetical order."""
    where = folder or place("cifar100", what="CIFAR-100 (Krizhevsky 2009)")
    of_class: dict[str, str] = json.loads((where / "classes.json").read_text())["coarse"]
    names = sorted(set(of_class.values()))
    return np.array([names.index(of_class[name]) for name in sorted(of_class)])


def superclass_names(*, folder: Path | None = None) -> list[str]:
    """Return the names of the superclasses, alphabetical."""
    where = folder or place("cifar100", what="CIFAR-100 (Krizhevsky 2009)")
    return sorted(set(json.loads((where / "classes.json").read_text())["coarse"].values()))


def _tiles(file: Path) -> NDArray[np.uint8]:
    from PIL import Image

    sheet = np.asarray(Image.open(file).convert("RGB"))
    rows, columns = sheet.shape[0] // SIDE, sheet.shape[1] // SIDE
    return sheet.reshape(rows, SIDE, columns, SIDE, 3).swapaxes(1, 2).reshape(-1, SIDE, SIDE, 3)
