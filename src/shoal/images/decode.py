"""One decode of an image: the network's input and every thumbnail come out of it."""

import hashlib
from collections.abc import Callable
from functools import partial
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import (  # noqa: F401  (a plug-in registers itself when it is imported; no others are wanted)
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from shoal.images.colours import as_rgb, as_rgba
from shoal.images.reasons import reason_for
from shoal.types import Decoded, ImageInput, ItemError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM")
"""What is decoded, and nothing else that Pillow knows. MPO, the stereo JPEG, is opened as JPEG."""

BOXES = (32, 64, 128, 256)
"""The boxes in px into which the thumbnails of every image fit."""

MAX_PIXELS = 89_478_485
"""The most pixels that are unpacked (Pillow's own limit); a JPEG may be larger, it is unpacked reduced."""

Size = tuple[int, int]

_ROOM = 2
"""How many pixels a reduced image keeps for each pixel that is wanted, along a side."""

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112


def decode(data: bytes, *, image_input: ImageInput) -> Decoded:
    """Decode the bytes of one image file into the network's input and the thumbnails.

    The image is turned upright as its EXIF says and brought to 8-bit RGB. Where it is transparent the network
    sees mid-grey, and the thumbnails stay transparent. Of several frames or pages the first is taken. Raise
    `ItemError` with a reason that a person understands when the bytes are no image, are damaged or truncated,
    or unpack to too much.
    """
    try:
        image, clear, (width, height) = _open_upright(data, partial(_reduction, image_input=image_input))
        return Decoded(
            pixels=_network_input(image, image_input),
            thumbnails=_thumbnails(clear or image),
            width=width,
            height=height,
            digest=hashlib.blake2b(data, digest_size=16).digest(),
        )
    except Exception as error:  # what a decoder raises on a hostile file is anybody's guess
        raise ItemError(reason_for(error, data)) from error


def open_within(data: bytes, box: int) -> Image.Image:
    """Return the upright image, made smaller where it does not fit into `box` px.

    It is RGBA where it is transparent, else RGB. Raises whatever a decoder raises, and `ItemError` for an
    image that is empty or unpacks to too much.
    """
    rgb, clear, _ = _open_upright(data, lambda size: max(1, max(size) // (_ROOM * box)))
    image = clear or rgb
    return image if max(image.size) <= box else _fitted(image, box)


def _open_upright(
    data: bytes, reduction: Callable[[Size], int]
) -> tuple[Image.Image, Image.Image | None, Size]:
    """Return the upright RGB image, reduced where it is far larger than needed, and its original size.

    Between them stands the image as RGBA where some of it is transparent, else None.
    """
    with Image.open(BytesIO(data), formats=FORMATS) as file:
        width, height = file.size
        if width < 1 or height < 1:
            raise ItemError(f"the image is empty: {width} x {height} pixels")
        factor = reduction(file.size)
        if factor > 1:
            file.draft(None, (width // factor, height // factor))
        if file.width * file.height > MAX_PIXELS:
            raise ItemError(f"{width} x {height} pixels are more than the {MAX_PIXELS:,} that are allowed")
        file.load()
        image = as_rgb(file, reduce_by=reduction(file.size))
        clear = as_rgba(file, reduce_by=reduction(file.size))
        turn = _UPRIGHT.get(_orientation(file))
    if turn is None:
        return image, clear, (width, height)
    swapped = turn.name in {"TRANSPOSE", "TRANSVERSE", "ROTATE_90", "ROTATE_270"}
    size = (height, width) if swapped else (width, height)
    return image.transpose(turn), clear and clear.transpose(turn), size


def _reduction(size: Size, image_input: ImageInput) -> int:
    """Return by how much an image may be reduced and still be `_ROOM` times larger than what is needed."""
    return max(1, min(min(size) // (_ROOM * image_input.resize), max(size) // (_ROOM * BOXES[-1])))


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged EXIF is no reason to lose the picture
        return 1
    return value if isinstance(value, int) else 1


def _network_input(image: Image.Image, image_input: ImageInput) -> NDArray[np.uint8]:
    side = min(image.size) * image_input.size / image_input.resize
    left, top = (image.width - side) / 2, (image.height - side) / 2
    square = image.resize(
        (image_input.size, image_input.size),
        Image.Resampling.BICUBIC,
        box=(left, top, left + side, top + side),
    )
    return np.asarray(square)


def _thumbnails(image: Image.Image) -> dict[int, bytes]:
    """Return a file for every box; its long side fills the box, so a small image is enlarged smoothly."""
    thumbnail = _fitted(image, BOXES[-1])
    thumbnails = {BOXES[-1]: _packed(thumbnail, BOXES[-1])}
    for box in reversed(BOXES[:-1]):
        # Halving is exact averaging; where that would halve what was enlarged, the image itself is sharper.
        thumbnail = thumbnail.reduce(2) if max(image.size) >= 2 * box else _fitted(image, box)
        thumbnails[box] = _packed(thumbnail, box)
    return thumbnails


def _fitted(image: Image.Image, box: int) -> Image.Image:
    scale = box / max(image.size)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    if scale < 1:
        return image.resize(size, Image.Resampling.HAMMING, reducing_gap=_ROOM)
    return image.resize(size, Image.Resampling.BICUBIC)


def _packed(image: Image.Image, box: int) -> bytes:
    """Return a JPEG, or of an RGBA image a WebP."""
    quality = 90 if box <= 64 else 85
    buffer = BytesIO()
    if image.mode == "RGBA":
        image.save(buffer, "WEBP", quality=quality)
        return buffer.getvalue()
    # At 128 px and below a pixel counts: colours at full resolution keep thin lines and letters clean.
    image.save(buffer, "JPEG", quality=quality, subsampling=0 if box <= 128 else 2)
    return buffer.getvalue()
