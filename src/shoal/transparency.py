"""What lies under a transparent picture: the ground that shows it, or mid-grey where it would vanish."""

from PIL import Image, ImageChops, ImageStat

Colour = tuple[int, int, int]

MID_GREY: Colour = (128, 128, 128)
"""Neither black nor white drawings vanish on it."""

_LEAST = 40
"""A picture shows on a ground that it differs from by so much of 255, on average in its best channel."""


def over(image: Image.Image, ground: Colour) -> Image.Image:
    """Return the image as RGB, laid over `ground` where it is transparent."""
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    clear = as_clear(image)
    laid = Image.new("RGB", clear.size, ground)
    laid.paste(clear, mask=clear.getchannel("A"))
    return laid


def as_clear(image: Image.Image) -> Image.Image:
    """Return an image that has transparency data as RGBA."""
    return image.convert("LA" if image.mode == "La" else "RGBA").convert("RGBA")


def readable_ground(image: Image.Image, ground: Colour) -> Colour:
    """Return `ground`, or `MID_GREY` where what can be seen of a transparent image hardly shows on it."""
    if not image.has_transparency_data:
        return ground
    clear = as_clear(image)
    apart = ImageChops.difference(clear.convert("RGB"), Image.new("RGB", clear.size, ground))
    solid = clear.getchannel("A").point([0] * 128 + [255] * 128)
    seen = ImageStat.Stat(apart, mask=solid)
    vanishes = seen.count[0] > 0 and max(seen.mean) < _LEAST
    return MID_GREY if vanishes else ground
