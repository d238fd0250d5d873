"""Draw a map with its thumbnails into one picture, for a machine without a browser."""

import colorsys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from shoal.transparency import Colour, over, readable_ground
from shoal.types import UNLABELLED, ShoalError

Thumbnails = Callable[[list[int], int], list[bytes | None]]

BACKGROUND: Colour = (13, 16, 20)
DOT: Colour = (138, 151, 168)
INK: Colour = (214, 221, 230)
_FIRST = bytes.fromhex(
    "4cc2ffffb020ff5c8a52d68ab48cffffe45c7cf4f434a028c44cc428acac7c70f4c4e8ac"
    "f4644070d0c4dc88d058a070dca04cc470dcb8dc7088d0f4dc409434c4ac4ce8d094dcac"
    "dc1ce8f4d01cd07c6494b8705894acc4c464ac7058f44c94f4401010b8dc9464dcd0a094"
    "a0dcf47cc4dcac7cf488d01c64f4d0d064c4f4b894b894b888d0acd094e8dc347c88f488"
)
"""The colours of the first 48 classes, three bytes each; the page has the same (web/src/map/palette.ts)."""

_BOXES = (32, 64, 128, 256)
_CELLS = (256, 192, 144, 112, 88, 72, 60, 50, 42, 36, 32)
"""Edges of a cell to choose from, in px."""
_NEAR = sorted(
    ((x, y) for x in range(-2, 3) for y in range(-2, 3) if 0 < x * x + y * y <= 5),
    key=lambda place: (place[0] ** 2 + place[1] ** 2, place),
)
"""The cells within reach of a cell, the nearest first."""
_SHARE_SHOWN = 0.7
"""Cells shrink until this share of the items has one, or they are as small as they get."""
_STRETCH = 1.35
"""A map may be made wider or taller by this factor to fill the picture; its axes have no unit."""
_LEAST = (200, 150)
_BATCH = 256


@dataclass(frozen=True, slots=True)
class _Cells:
    """A grid of square cells: `edge` in px, row numbers of the items shown and their cells' centres."""

    edge: int
    shown: NDArray[np.int64]
    centres: NDArray[np.int64]


def draw_picture(
    xy: NDArray[np.floating],
    ids: NDArray[np.integer],
    thumbnails: Thumbnails,
    *,
    width: int = 2400,
    height: int = 1600,
    labels: NDArray[np.integer] | None = None,
    colours: Sequence[Colour] | None = None,
    classes: Sequence[str] = (),
) -> Image.Image:
    """Draw positions (N, 2), y down, of the items `ids` (N,) as an RGB image.

    Each cell of a grid shows the item with the lowest id in it, ringed in its class's colour; the others take
    a free cell close by (at most two and a bit cells away), and what finds none is a dot. `thumbnails` gives
    the files of some ids for a box in px (None: none; the item is drawn as a dot). `labels` (N,) are class
    ids; `colours` and the names `classes` go by class id and may be shorter than there are classes; the names
    make a legend. Raises `ShoalError` for arrays that do not fit together or a picture too small for a map.
    """
    xy, ids, labels = _checked(xy, ids, labels, (width, height))
    legend = _legend(labels, classes, (width, height))
    points = _placed(xy, width, height - legend.height)
    cells = _cells(points, ids, (width, height - legend.height))
    colour = _colours(labels, colours)
    pictures = _decoded(ids[cells.shown], thumbnails, cells.edge)
    dots = np.ones(len(ids), bool)
    dots[cells.shown[[picture is not None for picture in pictures]]] = False
    canvas = _dots(points[dots], colour[dots], (width, height))
    for row, centre, picture in zip(cells.shown, cells.centres, pictures, strict=True):
        if picture is not None:
            ring = _rgb(*colour[row].tolist()) if labels[row] != UNLABELLED else None
            _paste(canvas, picture, centre, ring, cells.edge)
    _write_legend(canvas, legend, colours)
    return canvas


def class_colour(class_id: int) -> Colour:
    """Return the colour that the page gives a class."""
    if 3 * class_id < len(_FIRST):
        return _rgb(*_FIRST[3 * class_id : 3 * class_id + 3])
    hue, lightness = class_id * 137.508 % 360 / 360, (0.72, 0.56, 0.82)[class_id % 3]
    return _rgb(*(round(255 * part) for part in colorsys.hls_to_rgb(hue, lightness, 0.62)))


def _rgb(red: int, green: int, blue: int) -> Colour:
    return red, green, blue


def _checked(
    xy: NDArray[np.floating],
    ids: NDArray[np.integer],
    labels: NDArray[np.integer] | None,
    size: tuple[int, int],
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    if labels is None:
        labels = np.full(len(ids), UNLABELLED)
    if xy.shape != (len(ids), 2) or labels.shape != (len(ids),):
        raise ShoalError(
            f"a picture needs positions (N, 2) and labels (N,) of its {len(ids)} ids, "
            f"not {xy.shape} and {labels.shape}."
        )
    if not np.isfinite(xy).all():
        raise ShoalError("a picture needs finite positions; some of these are not a number or infinite.")
    if size[0] < _LEAST[0] or size[1] < _LEAST[1]:
        raise ShoalError(
            f"a picture of {size[0]} x {size[1]} px holds no map: {_LEAST[0]} x {_LEAST[1]} at least."
        )
    return xy.astype(np.float64), ids.astype(np.int64), labels.astype(np.int64)


def _placed(xy: NDArray[np.float64], width: int, height: int) -> NDArray[np.float64]:
    """Bring positions (N, 2) into a picture, in px: centred, within margins, hardly distorted."""
    room = np.array([width, height]) - 2 * _margin(width, height)
    if len(xy) == 0:
        return xy
    low, high = xy.min(0), xy.max(0)
    extent = np.maximum(high - low, 1e-9)
    scale = room / extent
    scale = np.minimum(scale, _STRETCH * scale.min())
    if (high - low).max() == 0:
        scale[:] = 0
    placed: NDArray[np.float64] = (xy - (low + high) / 2) * scale + np.array([width, height]) / 2
    return placed


def _margin(width: int, height: int) -> float:
    return max(12.0, 0.045 * min(width, height))


def _cells(points: NDArray[np.float64], ids: NDArray[np.int64], size: tuple[int, int]) -> _Cells:
    """Choose the largest cells in which enough of the items are shown."""
    order = np.argsort(ids)
    for edge in [edge for edge in _CELLS if 3 * edge <= min(size)] or _CELLS[-1:]:
        count = np.maximum((np.array(size) - 2 * int(_margin(*size) / 2)) // edge, 1)
        if count.prod() < _SHARE_SHOWN * len(ids) and edge != _CELLS[-1]:
            continue
        offset = (np.array(size) - count * edge) // 2
        cell = np.clip((points[order] - offset) // edge, 0, count - 1).astype(np.int64)
        held = _settle(cell, count)
        if len(held) >= _SHARE_SHOWN * len(ids) or edge == _CELLS[-1]:
            break
    taken = np.array(list(held), np.int64).reshape(-1, 2)
    return _Cells(edge, order[np.array(list(held.values()), np.int64)], taken * edge + offset + edge // 2)


def _settle(cell: NDArray[np.int64], count: NDArray[np.int64]) -> dict[tuple[int, int], int]:
    """Give cells to rows of `cell` (N, 2): first each to the first row in it, then free ones close by.

    The later rows of a full cell take the nearest free cell within reach, so that a tight group becomes a
    small mosaic instead of one thumbnail; where none is free they stay without.
    """
    columns, rows = (int(number) for number in count)
    _, first = np.unique(cell[:, 1] * columns + cell[:, 0], return_index=True)
    held = {(x, y): row for row, (x, y) in zip(first.tolist(), cell[first].tolist(), strict=True)}
    later = np.setdiff1d(np.arange(len(cell)), first)[: 4 * columns * rows]
    for row, (x, y) in zip(later.tolist(), cell[later].tolist(), strict=True):
        for right, down in _NEAR:
            place = (x + right, y + down)
            if place not in held and 0 <= place[0] < columns and 0 <= place[1] < rows:
                held[place] = row
                break
    return held


def _colours(labels: NDArray[np.int64], colours: Sequence[Colour] | None) -> NDArray[np.int64]:
    """Return the colour (N, 3) of each item."""
    table = [_colour(class_id, colours) for class_id in range(int(labels.max(initial=UNLABELLED)) + 1)]
    return np.array([*table, DOT])[labels]


def _colour(class_id: int, colours: Sequence[Colour] | None) -> Colour:
    return colours[class_id] if colours and class_id < len(colours) else class_colour(class_id)


def _decoded(ids: NDArray[np.int64], thumbnails: Thumbnails, edge: int) -> list[Image.Image | None]:
    """Return the thumbnails scaled to fit into a cell; None where there is none or it is damaged."""
    box = next((box for box in _BOXES if box >= edge), _BOXES[-1])
    found: list[Image.Image | None] = []
    for start in range(0, len(ids), _BATCH):
        batch = thumbnails(ids[start : start + _BATCH].tolist(), box)
        found += [_open(data, edge - max(6, edge // 8)) for data in batch]
    return found


def _open(data: bytes | None, edge: int) -> Image.Image | None:
    if data is None:
        return None
    try:
        found = Image.open(BytesIO(data), formats=("JPEG", "WEBP"))
        image = over(found, readable_ground(found, BACKGROUND))
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    scale = edge / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _dots(points: NDArray[np.float64], colour: NDArray[np.int64], size: tuple[int, int]) -> Image.Image:
    """Return the background with a soft dot (N, 2), (N, 3) for each item; dots that lie together add up."""
    from scipy.ndimage import gaussian_filter

    width, height = size
    canvas = np.broadcast_to(np.array(BACKGROUND, np.float32), (height, width, 3))
    if len(points):
        sigma = max(0.8, min(width, height) / 1100)
        column, row = np.clip(points.astype(np.int64), 0, np.array(size) - 1).T
        flat = row * width + column

        def spread(weights: NDArray[np.float64] | None) -> NDArray[np.float32]:
            grid = np.bincount(flat, weights, minlength=width * height).reshape(height, width)
            return np.asarray(gaussian_filter(grid.astype(np.float32), sigma), np.float32)

        amount = spread(None)
        mean = np.stack([spread(colour[:, k].astype(float)) for k in range(3)], 2) / (
            amount[..., None] + 1e-9
        )
        single = 1 / (2 * np.pi * sigma**2)
        opacity = np.clip(1.5 * amount / single, 0, 1)[..., None] * 0.85
        canvas = canvas + opacity * (mean - canvas)
    return Image.fromarray(np.clip(canvas + 0.5, 0, 255).astype(np.uint8))


def _paste(
    canvas: Image.Image, picture: Image.Image, centre: NDArray[np.int64], ring: Colour | None, edge: int
) -> None:
    """Put a thumbnail with soft corners in the middle of its cell, with a ring around it."""
    band = max(2, edge // 24)
    left, top = int(centre[0]) - picture.width // 2, int(centre[1]) - picture.height // 2
    radius = edge // 14
    frame = (picture.width + 2 * band, picture.height + 2 * band)
    canvas.paste(ring or BACKGROUND, (left - band, top - band), _corners(*frame, radius + band))
    canvas.paste(picture, (left, top), _corners(*picture.size, radius))


@lru_cache(maxsize=512)
def _corners(width: int, height: int, radius: int) -> Image.Image:
    """Return the mask of a rectangle with round corners, drawn large and reduced so that it is smooth."""
    mask = Image.new("L", (width * 4, height * 4), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, width * 4 - 1, height * 4 - 1), radius * 4, fill=255)
    return mask.reduce(4)


@dataclass(frozen=True, slots=True)
class _Legend:
    """Which classes the legend names, by how many items they have, and how much of the picture it takes."""

    height: int
    text: int
    entries: list[tuple[int, str]]
    more: int


def _legend(labels: NDArray[np.int64], classes: Sequence[str], size: tuple[int, int]) -> _Legend:
    counts = np.bincount(labels[labels >= 0], minlength=len(classes))
    order = [int(k) for k in np.argsort(-counts, kind="stable") if counts[k] and k < len(classes)]
    if not order:
        return _Legend(0, 0, [], 0)
    text = max(11, size[1] // 64)
    font, room, entries = ImageFont.load_default(text), size[0] * 0.86, list[tuple[int, str]]()
    for class_id in order:
        label = f"{classes[class_id][:40]}  {counts[class_id]:,}"
        room -= font.getlength(_plain(label)) + 3 * text
        if room < 0:
            break
        entries.append((class_id, _plain(label)))
    return _Legend(round(text * 2.6), text, entries, len(order) - len(entries))


def _plain(label: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in label)


def _write_legend(canvas: Image.Image, legend: _Legend, colours: Sequence[Colour] | None) -> None:
    if not legend.height:
        return
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(legend.text)
    x, y = _margin(*canvas.size), canvas.height - legend.height * 0.75
    dot = _corners(legend.text, legend.text, legend.text // 2)
    for class_id, label in legend.entries:
        canvas.paste(_colour(class_id, colours), (round(x), round(y)), dot)
        draw.text((x + 1.5 * legend.text, y + legend.text / 2), label, INK, font, anchor="lm")
        x += font.getlength(label) + 3 * legend.text
    if legend.more:
        draw.text((x, y + legend.text / 2), f"and {legend.more} more", DOT, font, anchor="lm")
