"""Many thumbnails in one JPEG: one decode and one texture upload for the page; and what lies under one."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from PIL import Image

from shoal.transparency import MID_GREY, Colour, over, readable_ground

SIDE = 1024
FORMATS = ("JPEG", "WEBP")


def capacity(size: int) -> int:
    """Return how many cells of `size` px one mosaic holds."""
    return (SIDE // size) ** 2


def colour(number: int) -> Colour:
    """Return the colour of 0xRRGGBB."""
    return number >> 16, number >> 8 & 255, number & 255


def media_type(picture: bytes) -> str:
    """Return what kind of picture this is, of those that Shoal makes."""
    return "image/webp" if picture[8:12] == b"WEBP" else "image/jpeg"


def readable(picture: bytes, ground: Colour) -> bytes:
    """Return a picture that shows on `ground`: itself, or a JPEG of it on mid-grey where it would vanish."""
    if media_type(picture) == "image/jpeg":
        return picture
    image = Image.open(BytesIO(picture), formats=FORMATS)
    if readable_ground(image, ground) == ground:
        return picture
    out = BytesIO()
    over(image, MID_GREY).save(out, "JPEG", quality=90, subsampling=0)
    return out.getvalue()


def compose(
    thumbnails: Sequence[bytes | None], size: int, ground: Colour = MID_GREY
) -> tuple[bytes, list[int]]:
    """Centre each picture in its cell of `size` px, row by row; transparent ones lie over `ground`.

    Return the mosaic as JPEG and the places of the cells that stay grey, because there is no picture or it
    cannot be read.
    """
    across = SIDE // size
    rows = -(-len(thumbnails) // across)
    mosaic = Image.new("RGB", (SIDE, rows * size), MID_GREY)
    missing = []
    for place, data in enumerate(thumbnails):
        cell = _open(data, size, ground)
        if cell is None:
            missing.append(place)
            continue
        left, top = (size - cell.width) // 2, (size - cell.height) // 2
        mosaic.paste(cell, (place % across * size + left, place // across * size + top))
    out = BytesIO()
    mosaic.save(out, "JPEG", quality=90, subsampling=0)
    return out.getvalue(), missing


def _open(data: bytes | None, size: int, ground: Colour) -> Image.Image | None:
    if data is None:
        return None
    try:
        image = Image.open(BytesIO(data), formats=FORMATS)
        if max(image.size) > size:
            return None
        return over(image, readable_ground(image, ground))
    except (OSError, ValueError, SyntaxError):
        return None
