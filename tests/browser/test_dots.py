"""Dots where there are no pictures: what is selected stands out, whatever draws it, on dark and on light."""

from collections.abc import Iterator

import numpy as np
import pytest
from tests.browser.conftest import Look
from tests.browser.page import Eye, Server
from tests.browser.test_map import seen, wishing
from tests.million import Million, seed_million

N = 3_000


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Million:
    """In place of the seeded workspace: names and places only."""
    return seed_million(tmp_path_factory.mktemp("dots") / "dots.shoal", n=N)


@pytest.fixture(scope="module")
def server(seeded: Million) -> Iterator[Server]:
    with Server(seeded.path) as started:
        yield started


def contrast(eye: Eye) -> float:
    """How much the dots differ from the ground, on average over what is not ground."""
    eye.settled(eye.page.locator(".map > canvas"))
    pixels = seen(eye)[:600, 200:-200]  # neither tools nor corners
    away = np.abs(pixels - pixels[0, 0]).sum(axis=2)
    return float(away[away > 12].mean())


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("renderer", ["webgl2", "canvas"])
def test_selected_dots_stand_out_from_the_ground(
    look: Look, server: Server, renderer: str, scheme: str
) -> None:
    eye = look(**wishing(server, renderer), color_scheme=scheme)
    eye.forgive("404")  # these items have no pictures
    eye.drawn(points=N, selected=0)
    before = contrast(eye)
    eye.press("Control+a")
    eye.drawn(selected=N)
    assert contrast(eye) > 1.5 * before
