"""Small piles of pictures for tests: groups of one colour each, with a little texture."""

from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"red": (210, 40, 40), "green": (40, 170, 60), "blue": (50, 70, 210), "yellow": (225, 205, 50)}


def paint_pile(folder: Path, *, per_group: int = 30, size: int = 48, seed: int = 0) -> Path:
    """Write `per_group` PNGs of each colour into a folder named after it; the same seed, the same bytes."""
    rng = np.random.default_rng(seed)
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(per_group):
            noise = rng.normal(0, 14, size=(size, size, 3)) + rng.normal(0, 10, size=3)
            pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{name}{number:04d}.png")
    return folder
