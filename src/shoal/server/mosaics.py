"""Many thumbnails in one JPEG: one decode and one texture upload for the page."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from PIL import Image

SIDE = 1024
GREY = (128, 128, 128)


def capacity(size: int) -> int:
    """Return how many cells of `size` px one mosaic holds."""
    return (SIDE // size) ** 2


def compose(thumbnails: Sequence[bytes | None], size: int) -> tuple[bytes, list[int]]:
    """Centre each JPEG in its cell of `size` px on mid-grey, row by row.

    Return the mosaic as JPEG and the places of the cells that stay grey, because there is no picture or it
    cannot be read.
    """
    across = SIDE // size
    rows = -(-len(thumbnails) // across)
    mosaic = Image.new("RGB", (SIDE, rows * size), GREY)
    missing = []
    for place, data in enumerate(thumbnails):
        cell = _open(data, size)
        if cell is None:
            missing.append(place)
            continue
        left, top = (size - cell.width) // 2, (size - cell.height) // 2
        mosaic.paste(cell, (place % across * size + left, place // across * size + top))
    out = BytesIO()
    mosaic.save(out, "JPEG", quality=90, subsampling=0)
    return out.getvalue(), missing


def _open(data: bytes | None, size: int) -> Image.Image | None:
    if data is None:
        return None
    try:
        image = Image.open(BytesIO(data), formats=("JPEG",))
        if max(image.size) > size:
            return None
        image.load()
    except (OSError, ValueError, SyntaxError):
        return None
    return image
