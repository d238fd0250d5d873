"""One decode: right side up, right colours, right sizes, and a reason instead of a crash."""

import hashlib
import io
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from tests.hostile import encoded, picture

from shoal.images import colours
from shoal.images.decode import BOXES, FORMATS, decode
from shoal.types import Decoded, ImageInput, ItemError

INPUT = ImageInput(size=224, resize=256)


def decoded(image: Image.Image, form: str = "PNG", **options: object) -> Decoded:
    return decode(encoded(image, form, **options), image_input=INPUT)


def thumbnail(result: Decoded, box: int) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(result.thumbnails[box]))).astype(int)


def plain(colour: object, mode: str = "RGB", size: tuple[int, int] = (40, 30)) -> Image.Image:
    return Image.new(mode, size, colour)


def centre(result: Decoded) -> list[int]:
    return result.pixels[112, 112].tolist()


def smooth(width: int, height: int) -> Image.Image:
    """Return something like a photograph: waves of several lengths."""
    scale = min(1, 600 / max(width, height))
    y, x = np.mgrid[0 : max(1, int(height * scale)), 0 : max(1, int(width * scale))] / (
        max(width, height) * scale
    )
    waves = [np.sin(x * 40 + c) + np.cos(y * 31 + 2 * c) + np.sin((x + y) * 90) for c in range(3)]
    image = Image.fromarray(((np.stack(waves, -1) / 6 + 0.5) * 255).astype(np.uint8))
    return image.resize((width, height), Image.Resampling.BILINEAR)


def test_every_allowed_format_has_its_plugin() -> None:
    assert set(FORMATS) <= set(Image.OPEN)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "TIFF", "PNG", "WEBP", "AVIF"])
def test_exif_turns_the_image_upright(orientation: int, form: str) -> None:
    corners = Image.new("RGB", (2, 2))
    corners.putdata([(250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 250)])
    image = corners.resize((320, 200), Image.Resampling.NEAREST)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(image, form, exif=exif, **({"lossless": True} if form == "WEBP" else {}))
    result = decode(data, image_input=INPUT)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    assert (result.width, result.height) == upright.size
    shown = thumbnail(result, 256)
    for row, column in ((0.2, 0.2), (0.2, 0.8), (0.8, 0.2), (0.8, 0.8)):
        got = shown[int(row * shown.shape[0]), int(column * shown.shape[1])]
        want = upright.convert("RGB").getpixel((int(column * upright.width), int(row * upright.height)))
        assert np.abs(got - want).max() < 12
    assert np.abs(result.pixels[10, 10].astype(int) - shown[40, 40]).max() < 12


def test_transparency_is_laid_over_mid_grey() -> None:
    assert centre(decoded(plain((255, 0, 0, 0), "RGBA"))) == [128, 128, 128]
    assert centre(decoded(plain((255, 0, 0, 255), "RGBA"))) == [255, 0, 0]
    half = centre(decoded(plain((255, 1, 0, 128), "RGBA")))
    assert np.abs(np.subtract(half, [192, 64, 64])).max() <= 1
    assert centre(decoded(plain((0, 0), "LA"))) == [128, 128, 128]
    assert centre(decoded(plain((9, 8, 7)), transparency=(9, 8, 7))) == [128, 128, 128]
    assert centre(decoded(plain(77, "L"), transparency=77)) == [128, 128, 128]


def test_thumbnails_stay_transparent_and_those_of_whole_pictures_are_jpegs() -> None:
    disc = Image.new("RGBA", (900, 600), (255, 0, 0, 0))
    disc.paste((0, 0, 255, 255), (300, 0, 600, 600))
    for box, data in decoded(disc).thumbnails.items():
        image = Image.open(io.BytesIO(data))
        assert (image.format, image.mode, image.width) == ("WEBP", "RGBA", box)
        alpha = np.asarray(image.getchannel("A")).astype(int)
        middle = alpha[:, 3 * box // 8 : 5 * box // 8]
        assert alpha[:, : box // 4].max() <= 2
        assert middle.min() >= 253
        assert np.abs(np.asarray(image)[box // 4, box // 2, :3].astype(int) - [0, 0, 255]).max() <= 8
    opaque = decoded(plain((255, 0, 0, 255), "RGBA"))
    assert {Image.open(io.BytesIO(data)).format for data in opaque.thumbnails.values()} == {"JPEG"}


def test_palette_with_transparency() -> None:
    image = Image.new("P", (40, 30), 1)
    image.putpalette([255, 0, 0, 0, 0, 255, 0, 255, 0])
    assert centre(decoded(image)) == [0, 0, 255]
    assert centre(decoded(image, transparency=1)) == [128, 128, 128]
    assert centre(decoded(image, transparency=0)) == [0, 0, 255]
    assert centre(decoded(image, form="GIF", transparency=1)) == [128, 128, 128]


def test_cmyk_grey_and_bits() -> None:
    cyan = centre(decoded(plain((255, 0, 0, 0), "CMYK"), "JPEG", quality=95))
    assert cyan[0] < 10
    assert min(cyan[1:]) > 245
    assert centre(decoded(plain(90, "L"))) == [90, 90, 90]
    assert centre(decoded(plain(1, "1"))) == [255, 255, 255]


@pytest.mark.parametrize(
    ("values", "want"),
    [
        ([0, 65535], 255),  # all 16 bits
        ([0, 4095], 255),  # 12 bits in 16
        ([0, 2048], 128),  # 12 bits, half white
        ([0, 200], 200),  # 8 bits in 16
        ([30_000, 65535], 255),
    ],
)
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_by_their_depth(values: list[int], want: int, form: str) -> None:
    left, right = values
    array = np.full((60, 60), right, np.uint16)
    array[:, :10] = left
    assert centre(decoded(Image.fromarray(array), form)) == [want] * 3


@pytest.mark.parametrize(
    ("values", "want"),
    [
        ([0.0, 1.0], 255),
        ([0.0, 0.5], 128),  # 0 to 1 is taken as black to white, whatever is used of it
        ([0.0, 200.0], 200),  # so is 0 to 255
        ([-1.0, 3.0], 255),  # else from the least to the greatest
        ([0.0, 1000.0], 255),
        ([np.nan, 0.5], 128),
        ([np.inf, 0.5], 128),
    ],
)
def test_floating_point_is_scaled_by_its_range(values: list[float], want: int) -> None:
    array = np.full((60, 60), values[1], np.float32)
    array[:, :10] = values[0]
    assert centre(decoded(Image.fromarray(array), "TIFF")) == [want] * 3


def test_negative_whole_numbers_and_a_constant() -> None:
    array = np.full((60, 60), -5, np.int32)
    array[:, :10] = -9
    assert centre(decoded(Image.fromarray(array), "TIFF")) == [255] * 3
    assert centre(decoded(Image.fromarray(np.full((9, 9), -5, np.int32)), "TIFF")) == [0] * 3


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "I;16", "F"])
@pytest.mark.parametrize("factor", [1, 3])
def test_bands_give_what_the_whole_gives(mode: str, factor: int, monkeypatch: pytest.MonkeyPatch) -> None:
    image = picture(101, 67, "L").convert(mode) if mode in {"I;16", "F"} else picture(101, 67, mode)
    whole = colours.as_rgb(image, reduce_by=factor)
    monkeypatch.setattr(colours, "_BAND_PIXELS", 700)
    assert np.array_equal(np.asarray(colours.as_rgb(image, reduce_by=factor)), np.asarray(whole))


@pytest.mark.parametrize("size", [(480, 384), (384, 480), (224, 224), (60, 48), (832, 256)])
def test_network_input_is_the_centre_of_the_resized_image(size: tuple[int, int]) -> None:
    image = smooth(*size)
    scale = 256 / min(size)
    width, height = round(size[0] * scale), round(size[1] * scale)
    left, top = round((width - 224) / 2), round((height - 224) / 2)
    want = image.resize((width, height), Image.Resampling.BICUBIC).crop((left, top, left + 224, top + 224))
    got = decoded(image)
    assert got.pixels.shape == (224, 224, 3)
    assert got.pixels.dtype == np.uint8
    off = np.abs(got.pixels.astype(int) - np.asarray(want))
    assert off[8:-8, 8:-8].max() <= 1  # at the edge the filter sees nothing beyond the crop
    assert off.mean() < 0.5


@pytest.mark.parametrize("size", [(2400, 1600), (2048, 2560), (1024, 4096)])
def test_a_reduced_decode_changes_next_to_nothing(size: tuple[int, int]) -> None:
    image = smooth(*size)
    reduced = decoded(image, "JPEG", quality=95, subsampling=0)
    scale = 256 / min(size)
    exact = image.resize((round(size[0] * scale), round(size[1] * scale)), Image.Resampling.BICUBIC)
    left, top = round((exact.width - 224) / 2), round((exact.height - 224) / 2)
    want = np.asarray(exact.crop((left, top, left + 224, top + 224))).astype(int)
    assert np.abs(reduced.pixels - want).mean() < 2.5
    assert (reduced.width, reduced.height) == size


def test_a_small_network_input_does_not_cost_the_thumbnails_their_sharpness() -> None:
    image = smooth(2400, 1800)
    tiny = decode(encoded(image, "JPEG"), image_input=ImageInput(size=32, resize=36))
    large = decode(encoded(image, "JPEG"), image_input=INPUT)
    assert np.abs(thumbnail(tiny, 256) - thumbnail(large, 256)).mean() < 1.5


@pytest.mark.parametrize(
    "size", [(500, 375), (300, 1000), (28, 28), (1, 1), (4000, 3), (200, 150), (257, 255)]
)
def test_thumbnails_fill_their_box_and_keep_the_aspect(size: tuple[int, int]) -> None:
    result = decoded(smooth(*size) if min(size) > 3 else picture(*size))
    assert tuple(sorted(result.thumbnails)) == BOXES
    for box, data in result.thumbnails.items():
        shown = Image.open(io.BytesIO(data))
        assert shown.format == "JPEG"
        assert max(shown.size) == box
        assert abs(min(shown.size) - max(1, min(size) * box / max(size))) <= 1
        assert (shown.width >= shown.height) == (size[0] >= size[1])


def test_thumbnails_show_the_image() -> None:
    image = smooth(640, 480)
    result = decoded(image)
    for box in BOXES:
        shown = thumbnail(result, box)
        want = np.asarray(image.resize((shown.shape[1], shown.shape[0]), Image.Resampling.BOX)).astype(int)
        assert np.abs(shown - want).mean() < 4


def test_fine_colours_stay_in_small_thumbnails() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2, 0] = 255
    stripes[:, 1::2, 2] = 255
    shown = thumbnail(decoded(Image.fromarray(stripes)), 64)
    assert shown[:, ::2, 0].mean() > 220  # with chroma at half resolution red and blue melt to purple
    assert shown[:, 1::2, 0].mean() < 35


def test_facts() -> None:
    data = encoded(picture(), "PNG")
    result = decode(data, image_input=INPUT)
    assert (result.width, result.height) == (96, 64)
    assert result.digest == hashlib.blake2b(data, digest_size=16).digest()
    again = decode(data, image_input=INPUT)
    assert np.array_equal(again.pixels, result.pixels)
    assert again.thumbnails == result.thumbnails


def test_refusals_in_process() -> None:
    for data, reason in (
        (b"", "empty"),
        (b"GIF89a", "header"),
        (b"words", "text"),
        (b"\x00" * 99, "not an image"),
    ):
        with pytest.raises(ItemError, match=reason):
            decode(data, image_input=INPUT)
    assert "the file is truncated" in refusal(encoded(smooth(300, 200), "JPEG")[:3000])


def refusal(data: bytes) -> str:
    with pytest.raises(ItemError) as caught:
        decode(data, image_input=INPUT)
    return str(caught.value)


DATA = Path(os.environ.get("SHOAL_DATA", Path(__file__).parents[3] / "shared" / "data")) / "caltech101"


@pytest.mark.skipif(not DATA.is_dir(), reason="no photographs: set SHOAL_DATA to the folder of caltech101")
def test_real_photographs() -> None:
    photographs = sorted(DATA.glob("*/*.jpg"))[::50]
    assert photographs
    for path in photographs:
        result = decode(path.read_bytes(), image_input=INPUT)
        assert (result.width, result.height) == Image.open(path).size
        assert result.pixels.std() > 5


SEEDS = [encoded(picture(), form) for form in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM")]


@settings(max_examples=150, deadline=None)
@given(
    seed=st.sampled_from(SEEDS),
    cut=st.floats(0, 1),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
)
def test_damage_ends_in_an_image_or_a_reason(
    seed: bytes, cut: float, changes: list[tuple[float, int]]
) -> None:
    data = bytearray(seed[: int(len(seed) * cut)] if cut < 0.3 else seed)
    for where, value in changes:
        if data:
            data[int(where * len(data))] = value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = decode(bytes(data), image_input=INPUT)
        except ItemError as error:
            said = str(error)
        else:
            said = f"{result.pixels.shape}"
    assert said
