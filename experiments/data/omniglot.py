"""Omniglot: handwritten characters of many alphabets, twenty drawers each, from one zip of PNG files."""

import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments.data.pictures import Pictures, place

SIDE = 28
"""What the few-shot literature scales the 105 px drawings to."""


@dataclass(frozen=True, slots=True)
class Characters:
    """Drawings with ink 255 on 0, the alphabet (N,) of each, and the alphabets' names."""

    drawings: Pictures
    alphabets: NDArray[np.int64]
    names: tuple[str, ...]


def omniglot(*, file: Path | None = None) -> Characters:
    """Return all drawings of a zip `omniglot/ALPHABET/CHARACTER/NAME.png`; `NotHere` where there is none."""
    from PIL import Image

    where = file or place("omniglot", "omniglot_8alphabets.zip", what="Omniglot (Lake et al. 2015)")
    pixels, characters = [], []
    with zipfile.ZipFile(where) as archive:
        for name in sorted(entry for entry in archive.namelist() if entry.endswith(".png")):
            image = Image.open(BytesIO(archive.read(name))).convert("L")
            pixels.append(255 - np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX)))
            characters.append("/".join(name.split("/")[1:3]))
    classes, labels = np.unique(characters, return_inverse=True)
    names, of_class = np.unique([each.split("/")[0] for each in classes], return_inverse=True)
    drawings = Pictures(np.stack(pixels), labels.astype(np.int64), tuple(map(str, classes)))
    return Characters(drawings, of_class[labels].astype(np.int64), tuple(map(str, names)))


def turned(drawings: Pictures) -> Pictures:
    """Return the drawings and their turns by 90, 180 and 270 degrees, which count as other characters."""
    pixels = [np.rot90(drawings.pixels, turn, axes=(1, 2)) for turn in range(4)]
    labels = [4 * drawings.labels + turn for turn in range(4)]
    classes = tuple(f"{name} turned {90 * turn}" for name in drawings.classes for turn in range(4))
    return Pictures(np.concatenate(pixels), np.concatenate(labels), classes)
