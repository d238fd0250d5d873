import io
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from shoal.formats.picture import BACKGROUND, DOT, class_colour, draw_picture
from shoal.types import ShoalError

RED, GREEN, BLUE = (220, 20, 30), (20, 200, 40), (30, 40, 230)


def jpeg(colour: tuple[int, int, int], size: tuple[int, int] = (64, 64)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def blank(ids: list[int], box: int) -> list[bytes | None]:
    return [jpeg((200, 200, 200), (box, box)) for _ in ids]


def nothing(ids: list[int], box: int) -> list[bytes | None]:
    return [None] * len(ids)


def near(picture: Image.Image, colour: tuple[int, ...], tolerance: int = 12) -> np.ndarray:
    """Where (H, W) the picture has about this colour."""
    return (np.abs(np.asarray(picture, int) - colour) <= tolerance).all(2)


def box_of(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(mask)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_nothing_but_background_for_no_items():
    picture = draw_picture(np.empty((0, 2)), np.empty(0, int), nothing, width=300, height=200)
    assert picture.size == (300, 200)
    assert picture.mode == "RGB"
    assert near(picture, BACKGROUND, 0).all()


def test_three_items_lie_where_they_should_and_y_goes_down():
    colours = {4: RED, 5: GREEN, 6: BLUE}
    picture = draw_picture(
        np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]),
        np.array([4, 5, 6]),
        lambda ids, box: [jpeg(colours[i]) for i in ids],
        width=900,
        height=900,
    )
    centre = {}
    for item, colour in colours.items():
        left, top, right, bottom = box_of(near(picture, colour))
        centre[item] = ((left + right) / 2, (top + bottom) / 2)
    assert centre[4][0] < 300 < 600 < centre[5][0]
    assert abs(centre[5][0] - centre[6][0]) < 2
    assert centre[5][1] < 300 < 600 < centre[6][1]


@pytest.mark.parametrize("shape", [(128, 32), (32, 128), (300, 200), (1, 1)])
def test_the_aspect_is_kept(shape: tuple[int, int]):
    picture = draw_picture(
        np.array([[0.5, 0.5]]), np.array([0]), lambda ids, box: [jpeg(RED, shape)], width=600, height=400
    )
    left, top, right, bottom = box_of(near(picture, RED))
    assert (right - left) / (bottom - top) == pytest.approx(shape[0] / shape[1], rel=0.08)


def test_the_lowest_id_has_the_cell_whatever_the_order():
    colours = {3: RED, 9: GREEN}
    crowd = np.full((200, 2), 0.5)
    ids = np.r_[9, np.arange(100, 298), 3]
    asked: list[int] = []

    def thumbnails(wanted: list[int], box: int) -> list[bytes | None]:
        asked.extend(wanted)
        return [jpeg(colours.get(i, (200, 200, 200))) for i in wanted]

    picture = draw_picture(crowd, ids, thumbnails, width=640, height=640)
    left, top, right, bottom = box_of(near(picture, RED))
    green = box_of(near(picture, GREEN))
    assert abs((left + right) / 2 - 320) <= 32
    assert abs((top + bottom) / 2 - 320) <= 32
    assert not (green[0] < right and left < green[2] and green[1] < bottom and top < green[3])
    assert sorted(asked)[:3] == [3, 9, 100]
    assert len(asked) == 21, "its own cell and the twenty within reach"


def test_no_two_thumbnails_overlap():
    rng = np.random.default_rng(0)
    xy = rng.normal(0.5, 0.1, (400, 2))
    picture = draw_picture(xy, np.arange(400), blank, width=800, height=600)
    shown = near(picture, (200, 200, 200), 6)
    from scipy.ndimage import find_objects, label

    pieces, _ = label(shown)
    sizes = {(part[0].stop - part[0].start, part[1].stop - part[1].start) for part in find_objects(pieces)}
    large = {size for size in sizes if min(size) > 10}
    assert len(large) == 1, "every thumbnail is a square of one size with background around it"


def test_rings_have_the_colour_of_the_class_and_only_labelled_items_have_one():
    xy = np.array([[0.0, 0.5], [0.5, 0.5], [1.0, 0.5]])
    picture = draw_picture(
        xy, np.arange(3), blank, width=900, height=400, labels=np.array([1, -1, 0]), colours=[BLUE]
    )
    rings = {name: box_of(near(picture, c, 3)) for name, c in (("own", BLUE), ("page", class_colour(1)))}
    assert rings["own"][0] > 550
    assert rings["page"][2] < 350
    middle = np.asarray(picture)[:, 350:550].reshape(-1, 3).astype(int)
    assert (np.ptp(middle, axis=1) < 20).all(), "grey and background only"


def test_missing_and_damaged_thumbnails_become_dots():
    torn = jpeg(RED)[:80]
    for data in (None, b"", b"not a jpeg", torn):
        picture = draw_picture(
            np.array([[0.2, 0.2], [0.8, 0.8]]),
            np.arange(2),
            lambda ids, box, d=data: [d] * len(ids),
            width=400,
            height=400,
        )
        different = ~near(picture, BACKGROUND, 3)
        assert 8 <= different.sum() <= 400
        assert np.asarray(picture)[different].max() <= max(DOT)


def test_what_has_no_cell_is_a_dot_in_its_colour():
    xy = np.full((3_000, 2), 0.5)
    xy[0] = 0, 0
    xy[1] = 1, 1
    labels = np.zeros(3_000, int)
    picture = draw_picture(
        xy, np.arange(3_000), nothing, width=500, height=500, labels=labels, colours=[GREEN]
    )
    assert near(
        picture, tuple(round(0.85 * g + 0.15 * b) for g, b in zip(GREEN, BACKGROUND, strict=True)), 4
    ).any()


def test_the_legend_names_the_largest_classes_and_stays_inside():
    labels = np.repeat(np.arange(40), 5)
    xy = np.random.default_rng(0).random((200, 2))
    with_names = draw_picture(
        xy,
        np.arange(200),
        nothing,
        width=800,
        height=400,
        labels=labels,
        classes=[f"class {k}" for k in range(40)],
    )
    without = draw_picture(xy, np.arange(200), nothing, width=800, height=400, labels=labels)
    strip = np.asarray(with_names)[-22:]
    assert (np.abs(strip.astype(int) - BACKGROUND) > 40).any()
    assert not (np.abs(strip[:, -10:].astype(int) - BACKGROUND) > 40).any()
    assert not (np.abs(np.asarray(without)[-10:].astype(int) - BACKGROUND) > 40).any()


def test_class_names_that_no_font_has_do_not_matter():
    classes = ["猫", "\ud800", "a\nb", "\x00", "x" * 500, ""]
    draw_picture(
        np.random.default_rng(0).random((6, 2)),
        np.arange(6),
        nothing,
        width=400,
        height=300,
        labels=np.arange(6),
        classes=classes,
    )


def test_the_colours_are_those_of_the_page():
    palette = (Path(__file__).parents[2] / "web/src/map/palette.ts").read_text()
    first = [bytes.fromhex(found) for found in re.findall(r'"#(\w{6})"', palette.partition("] as const")[0])]
    assert len(first) == 48
    assert [class_colour(k) for k in range(48)] == [tuple(one) for one in first]
    assert class_colour(48) == (139, 228, 140)


@pytest.mark.parametrize(
    ("xy", "ids", "labels", "size", "message"),
    [
        (np.zeros((3, 2)), np.arange(2), None, (400, 300), "positions"),
        (np.zeros((2, 3)), np.arange(2), None, (400, 300), "positions"),
        (np.zeros((2, 2)), np.arange(2), np.zeros(3, int), (400, 300), "labels"),
        (np.array([[0, np.nan]]), np.arange(1), None, (400, 300), "finite"),
        (np.zeros((1, 2)), np.arange(1), None, (50, 300), "at least"),
    ],
)
def test_what_does_not_fit_is_refused(
    xy: np.ndarray, ids: np.ndarray, labels: np.ndarray | None, size, message: str
):
    with pytest.raises(ShoalError, match=message):
        draw_picture(xy, ids, nothing, width=size[0], height=size[1], labels=labels)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), max_size=30),
    st.integers(200, 500),
    st.integers(150, 500),
)
def test_any_positions_are_drawn(points: list[tuple[float, float]], width: int, height: int):
    xy = np.array(points, float).reshape(-1, 2)
    picture = draw_picture(xy, np.arange(len(xy)), blank, width=width, height=height)
    assert picture.size == (width, height)
    edge = np.asarray(picture)[[0, -1]].reshape(-1, 3)
    assert (edge == BACKGROUND).all(), "nothing is cut off"
