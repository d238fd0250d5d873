"""Many thumbnails in one picture: one decode and one texture upload for the page; and what lies under one."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from PIL import Image

from shoal.transparency import MID_GREY, Colour, as_clear, over, readable_ground

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
    """Centre each picture in its cell of `size` px, row by row; transparent ones stay so, on `ground`.

    Return the mosaic, a JPEG or, where a picture is transparent, a WebP, and the places of the cells that
    stay grey, because there is no picture or it cannot be read.
    """
    across = SIDE // size
    rows = -(-len(thumbnails) // across)
    cells = [_open(data, size, ground) for data in thumbnails]
    clear = any(cell is not None and cell.mode == "RGBA" for cell in cells)
    mosaic = Image.new("RGBA" if clear else "RGB", (SIDE, rows * size), MID_GREY)
    for place, cell in enumerate(cells):
        if cell is not None:
            left, top = (size - cell.width) // 2, (size - cell.height) // 2
            mosaic.paste(cell, (place % across * size + left, place // across * size + top))
    out = BytesIO()
    if clear:
        mosaic.save(out, "WEBP", quality=90, method=0)
    else:
        mosaic.save(out, "JPEG", quality=90, subsampling=0)
    return out.getvalue(), [place for place, cell in enumerate(cells) if cell is None]


def _open(data: bytes | None, size: int, ground: Colour) -> Image.Image | None:
    if data is None:
        return None
    try:
        image = Image.open(BytesIO(data), formats=FORMATS)
        if max(image.size) > size:
            return None
        below = readable_ground(image, ground)
        return as_clear(image) if image.has_transparency_data and below == ground else over(image, below)
    except (OSError, ValueError, SyntaxError):
        return None
