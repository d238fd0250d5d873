"""Fifty thousand items where there is no WebGL at all: the same map on Canvas-2D, and a banner."""

import numpy as np
import pytest
from playwright.sync_api import Browser, expect
from tests.browser.conftest import Look
from tests.browser.page import Eye
from tests.browser.test_map import seen
from tests.browser.test_million import inside, labelled
from tests.million import Million, seed_million

from shoal.types import Map
from shoal.workspace import Workspace

N = 50_000


LAST = 400
"""So many items, those of the highest ids, lie apart on a lattice."""


@pytest.fixture
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Million:
    """In place of the seeded workspace: clusters at the left, and the last items where nothing hides them."""
    made = seed_million(tmp_path_factory.mktemp("fallback") / "fifty.shoal", n=N)
    xy = made.xy * np.array([0.6, 1], np.float32)
    column, row = np.divmod(np.arange(LAST), 20)
    xy[-LAST:] = np.stack([0.7 + 0.015 * column, 0.2 + 0.03 * row], axis=1)
    with Workspace.open(made.path) as workspace:
        old = workspace.map()
        assert old is not None
        workspace.save_map(Map(xy, old.ids, old.origin), final=True)
    return Million(made.path, xy)


def test_fifty_thousand_on_canvas_are_all_drawn_lassoed_and_undone(
    look: Look, blind_browser: Browser, seeded: Million
) -> None:
    eye = look(blind_browser)
    eye.forgive("404")  # the tray's pictures: these items have none
    eye.drawn(points=N, visible=N, selected=0)
    assert eye.page.evaluate("document.createElement('canvas').getContext('webgl2')") is None
    assert eye.page.evaluate("document.querySelector('.map > canvas').getContext('2d') !== null")
    banner = eye.page.get_by_role("status").filter(has_text="No WebGL2 in this browser")
    expect(banner).to_contain_text("the processor draws the map, every dot and picture")

    pixels = seen(eye)
    screen = eye.page.evaluate(
        "(ids) => ids.map((id) => window.__shoal.screenOf(id))", [*range(N - LAST, N, 7)]
    )
    for at in screen:
        x, y = round(at["x"]), round(at["y"])
        dot = pixels[y - 1 : y + 2, x - 1 : x + 2]
        assert np.abs(dot - pixels[2, 2]).sum(axis=2).max() > 30, f"nothing is drawn at {x}, {y}"

    banner.get_by_role("button", name="OK").click()
    expect(banner).to_have_count(0)
    loop = drag_loop(eye)
    eye.page.wait_for_function("() => window.__shoal.drawn.selected > 0")
    count = eye.drawn()["selected"]
    eye.name("middle")
    eye.saved()
    # Where a corner of the loop lies on the map: by two items whose places are known on both.
    one, other = int(seeded.xy[:, 0].argmin()), int(seeded.xy[:, 0].argmax())
    (left, top), (right, _) = eye.place(one), eye.place(other)
    scale = (right - left) / float(seeded.xy[other, 0] - seeded.xy[one, 0])
    origin = np.array([left, top]) - scale * seeded.xy[one]
    expected = inside(((np.array(loop) - origin) / scale).tolist(), seeded.xy)
    found = labelled(eye)
    assert len(found) == count > 1000
    assert len(np.setxor1d(found, expected)) <= 0.001 * count  # the pointer counts in whole px
    eye.press("Control+z")
    eye.saved()
    assert len(labelled(eye)) == 0


def drag_loop(eye: Eye) -> list[tuple[float, float]]:
    """Draw a loop around the middle of the map; return its corners in px of the window."""
    box = eye.page.locator(".map > canvas").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    angles = np.linspace(0, 2 * np.pi, 17)
    corners = [(float(round(x + 150 * np.cos(a))), float(round(y + 120 * np.sin(a)))) for a in angles]
    eye.page.mouse.move(*corners[0])
    eye.page.mouse.down()
    for corner in corners[1:]:
        eye.page.mouse.move(*corner)
    eye.page.mouse.up()
    return corners
