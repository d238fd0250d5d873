"""Four drawings (224 px) that a network trained on ImageNet must recognise, by their class there."""

from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SIDE = 224
INK = (10, 10, 10)


def traffic_light(image: Image.Image) -> None:
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, SIDE, SIDE), fill=(150, 190, 230))
    pen.rectangle((106, 190, 118, SIDE), fill=(60, 60, 60))
    pen.rounded_rectangle((72, 18, 152, 196), 14, fill=(35, 38, 35))
    for y, colour in ((50, (255, 40, 30)), (107, (70, 60, 10)), (164, (15, 60, 25))):
        pen.ellipse((88, y - 24, 136, y + 24), fill=colour)


def clock(image: Image.Image) -> None:
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, SIDE, SIDE), fill=(205, 190, 165))
    pen.ellipse((22, 22, 202, 202), fill=(60, 40, 25))
    pen.ellipse((34, 34, 190, 190), fill=(250, 248, 240))
    for minute in range(60):
        x, y = sin(minute * pi / 30), -cos(minute * pi / 30)
        inner, width = (64, 4) if minute % 5 == 0 else (71, 1)
        pen.line((112 + inner * x, 112 + inner * y, 112 + 75 * x, 112 + 75 * y), fill=INK, width=width)
    pen.line((112, 112, 150, 90), fill=INK, width=7)
    pen.line((112, 112, 100, 48), fill=INK, width=5)


def crossword(image: Image.Image) -> None:
    pen = ImageDraw.Draw(image)
    for row in range(14):
        for column in range(14):
            dark = (row * 7 + column * 3 + row * column) % 5 == 0 or (row * 3 + column * column) % 7 == 0
            box = (column * 16, row * 16, column * 16 + 16, row * 16 + 16)
            pen.rectangle(box, fill="black" if dark else "white", outline="black")


def envelope(image: Image.Image) -> None:
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, SIDE, SIDE), fill=(110, 75, 50))
    pen.rectangle((20, 50, 204, 174), fill=(245, 240, 225), outline=(150, 140, 120), width=2)
    pen.line((20, 50, 112, 120, 204, 50), fill=(150, 140, 120), width=3)
    pen.line((20, 174, 85, 100), fill=(190, 180, 160), width=2)
    pen.line((204, 174, 139, 100), fill=(190, 180, 160), width=2)


IMAGENET_CLASS = {traffic_light: 920, clock: 409, crossword: 918, envelope: 549}


def drawings() -> tuple[NDArray[np.uint8], list[int]]:
    """Return the drawings (4, 224, 224, 3) and their ImageNet classes."""
    images = []
    for draw in IMAGENET_CLASS:
        image = Image.new("RGB", (SIDE, SIDE))
        draw(image)
        images.append(np.asarray(image))
    return np.stack(images), list(IMAGENET_CLASS.values())
