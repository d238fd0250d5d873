"""Every way in which a file can hold colour, brought to 8-bit RGB."""

from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from shoal.transparency import MID_GREY, as_clear, over
from shoal.types import ItemError

_BAND_PIXELS = 4_000_000
_WIDE = {"I", "F", "I;16", "I;16L", "I;16B", "I;16N"}
_DEPTHS = (8, 10, 12, 14, 16)

Window = tuple[float, float]


def as_rgb(image: Image.Image, *, reduce_by: int = 1) -> Image.Image:
    """Return the loaded image as RGB, each side divided by `reduce_by` (box filter).

    Transparent pixels are laid over `MID_GREY`. Greys of more than 8 bits are scaled by the smallest of
    10, 12, 14 or 16 bits that holds them; floating-point numbers by 1 or 255 where they fit, else from their
    least to their greatest finite value, which is also what NaN becomes: the least. Raise `ItemError` when
    no value is finite.
    """
    window = _window(image) if image.mode in _WIDE else (0.0, 255.0)
    if reduce_by == 1 and image.width * image.height <= _BAND_PIXELS:
        return _band_as_rgb(image, window)
    return _reduced(image, "RGB", lambda band: _band_as_rgb(band, window), reduce_by)


def as_rgba(image: Image.Image, *, reduce_by: int = 1) -> Image.Image | None:
    """Return the loaded image as RGBA, reduced as by `as_rgb`; None where nothing of it is transparent."""
    if image.mode in _WIDE or not image.has_transparency_data:
        return None
    clear = _reduced(image, "RGBA", as_clear, reduce_by)
    least, _ = clear.getchannel("A").getextrema()
    return clear if isinstance(least, int) and least < 255 else None


def _reduced(
    image: Image.Image, mode: str, brought: Callable[[Image.Image], Image.Image], reduce_by: int
) -> Image.Image:
    small = Image.new(mode, (-(-image.width // reduce_by), -(-image.height // reduce_by)))
    for top, band in _bands(image, reduce_by):
        part = brought(band)
        small.paste(part if reduce_by == 1 else part.reduce(reduce_by), (0, top // reduce_by))
    return small


def _bands(image: Image.Image, multiple: int) -> Iterator[tuple[int, Image.Image]]:
    """Cut the image into bands of full width, so that no second full-size copy of it ever exists."""
    rows = max(1, _BAND_PIXELS // image.width // multiple) * multiple
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))


def _band_as_rgb(image: Image.Image, window: Window) -> Image.Image:
    if image.mode in _WIDE:
        return _scaled(image, window)
    return over(image, MID_GREY)


def _scaled(image: Image.Image, window: Window) -> Image.Image:
    low, high = window
    values = np.asarray(image).astype(np.float64)
    values = np.nan_to_num((values - low) * (255.0 / (high - low)), nan=0.0, posinf=255.0, neginf=0.0)
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8)).convert("RGB")


def _window(image: Image.Image) -> Window:
    """Return the values that become black and white."""
    low, high = np.inf, -np.inf
    for _, band in _bands(image, 1):
        values = np.asarray(band)
        finite = values[np.isfinite(values)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    if low > high:
        raise ItemError("none of its values is a finite number")
    if low < 0:
        return low, max(high, low + 1)
    if image.mode == "F":
        return next(((0.0, top) for top in (1.0, 255.0) if high <= top), (low, max(high, low + 1)))
    return 0.0, next((2.0**bits - 1 for bits in _DEPTHS if high < 2**bits), high)
