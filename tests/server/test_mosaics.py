"""Mosaics: every picture in its cell, whole, and what is broken stays grey."""

from io import BytesIO
from time import process_time

import numpy as np
import pytest
from PIL import Image, ImageDraw

from shoal.server.mosaics import MID_GREY as GREY
from shoal.server.mosaics import SIDE, capacity, compose, media_type, readable


def mosaic(thumbnails, size):
    return compose(thumbnails, size)[0]


def jpeg(colour, size, mode="RGB"):
    out = BytesIO()
    Image.new(mode, size, colour).save(out, "JPEG", quality=95)
    return out.getvalue()


def opacity(picture):
    return np.asarray(Image.open(BytesIO(picture)).convert("RGBA"))[..., 3]


def pixels(picture):
    return np.asarray(Image.open(BytesIO(picture)).convert("RGB")).astype(int)


def near(got, wanted):
    return np.abs(got - np.array(wanted)).max() <= 6


@pytest.mark.parametrize("size", [32, 64, 128, 256])
def test_every_cell_holds_its_picture_in_the_order_asked_for(size):
    count = capacity(size)
    colours = [((k * 37) % 256, (k * 91) % 256, (k * 53) % 256) for k in range(count)]
    got = pixels(mosaic([jpeg(colour, (size, size)) for colour in colours], size))
    assert got.shape == (SIDE, SIDE, 3)
    across = SIDE // size
    for k, colour in enumerate(colours):
        row, column = divmod(k, across)
        middle = got[row * size + size // 4 : row * size + 3 * size // 4, column * size + size // 4 :][
            :, : size // 2
        ]
        assert near(middle, colour)


def test_only_as_many_rows_as_needed():
    red = jpeg("#ff0000", (64, 64))
    assert pixels(mosaic([red], 64)).shape == (64, 1024, 3)
    assert pixels(mosaic([red] * 16, 64)).shape == (64, 1024, 3)
    assert pixels(mosaic([red] * 17, 64)).shape == (128, 1024, 3)


def test_a_portrait_is_centred_on_grey():
    got = pixels(mosaic([jpeg("#0000ff", (32, 64))], 64))
    assert near(got[8:56, 20:44], (0, 0, 255))
    assert near(got[8:56, 0:8], GREY)
    assert near(got[8:56, 56:64], GREY)


@pytest.mark.parametrize(
    "broken",
    [
        None,
        b"",
        b"GIF89a",
        jpeg("#ff0000", (64, 64))[:200],
        jpeg("#ff0000", (65, 64)),
        b"\xff\xd8\xff" + b"\0" * 99,
    ],
)
def test_what_cannot_be_shown_is_grey_and_harms_no_neighbour(broken):
    green = jpeg("#00ff00", (64, 64))
    picture, missing = compose([green, broken, green], 64)
    got = pixels(picture)
    assert missing == [1]
    assert near(got[8:56, 72:120], GREY)
    assert near(got[8:56, 8:56], (0, 255, 0))
    assert near(got[8:56, 136:184], (0, 255, 0))


def drawing(colour):
    """A disc of one colour on nothing, as WebP."""
    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((8, 8, 55, 55), fill=colour)
    out = BytesIO()
    image.save(out, "WEBP", lossless=True)
    return out.getvalue()


@pytest.mark.parametrize("ground", [(13, 16, 20), (234, 237, 240)])
def test_what_is_transparent_stays_so_beside_what_is_not(ground):
    picture, _ = compose([drawing("#ff0000"), jpeg("#00ff00", (64, 64)), None], 64, ground)
    got, solid = pixels(picture), opacity(picture)
    assert media_type(picture) == "image/webp"
    assert (solid[0:6, 0:6] == 0).all()
    assert (solid[24:40, 24:40] == 255).all()
    assert (solid[:, 64:192] == 255).all()
    assert near(got[24:40, 24:40], (255, 0, 0))
    assert near(got[8:56, 72:120], (0, 255, 0))


@pytest.mark.parametrize(("colour", "ground"), [("#000000", (13, 16, 20)), ("#ffffff", (234, 237, 240))])
def test_a_drawing_that_would_vanish_on_the_ground_lies_on_grey(colour, ground):
    picture, _ = compose([drawing(colour), drawing("#ff0000")], 64, ground)
    assert near(pixels(picture)[0:6, 0:6], GREY)
    assert (opacity(picture)[0:6, 0:6] == 255).all()
    assert (opacity(picture)[0:6, 64:70] == 0).all()
    shown = readable(drawing(colour), ground)
    assert media_type(shown) == "image/jpeg"
    assert near(pixels(shown)[0:6, 0:6], GREY)


def test_what_can_be_seen_goes_out_as_it_is():
    red, whole = drawing("#ff0000"), jpeg("#000000", (64, 64))
    assert readable(red, (13, 16, 20)) == red
    assert media_type(red) == "image/webp"
    assert readable(whole, (13, 16, 20)) == whole


def test_a_grey_picture_is_shown():
    assert near(pixels(mosaic([jpeg(200, (64, 64), "L")], 64))[8:56, 8:56], (200, 200, 200))


def test_256_cells_take_a_moment_only():
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    out = BytesIO()
    Image.fromarray(noise).resize((64, 48)).save(out, "JPEG", quality=85)
    start = process_time()
    compose([out.getvalue()] * 256, 64)
    # Aim: 60 ms. Processor time: others on the machine do not count, a slow one does.
    assert process_time() - start < 1
