"""What is seen: pictures in WebGL2, a moving map, panels that keep apart, and a map without WebGL too."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Request, expect
from tests.browser.conftest import Look
from tests.browser.page import Eye, Server
from tests.seeded import Seeded

from shoal.types import Map
from shoal.workspace import Workspace


def seen(eye: Eye) -> np.ndarray:
    """The pixels of the map, (H, W, 3)."""
    shot = eye.page.locator(".map > canvas").screenshot()
    return np.asarray(Image.open(BytesIO(shot)).convert("RGB")).astype(int)


def wishing(server: Server, renderer: str) -> dict[str, Any]:
    """Options of a browser in which a person has chosen this renderer."""
    wish = {"name": "shoal-renderer", "value": renderer}
    return {"storage_state": {"cookies": [], "origins": [{"origin": server.base, "localStorage": [wish]}]}}


@pytest.mark.looks
def test_webgl2_draws_the_pictures(look: Look, server: Server, seeded: Seeded) -> None:
    eye = look(**wishing(server, "webgl2"))
    drawn = eye.whole_map(sum(map(len, seeded.ids)))
    assert eye.page.evaluate("document.createElement('canvas').getContext('webgl2') !== null")
    assert eye.page.evaluate("document.querySelector('canvas').getContext('webgl2') !== null")
    assert drawn["visible"] == drawn["points"]
    # A picture under the pointer is drawn larger, over the dots that are kept of the frame before.
    eye.page.mouse.move(*eye.place(seeded.ids[1][0]))
    expect(eye.page.get_by_role("tooltip")).to_be_visible()
    eye.settled(eye.page.locator(".map > canvas"))
    pixels = seen(eye)
    assert pixels[pixels.shape[0] // 2, pixels.shape[1] // 2].tolist() == [234, 237, 240]
    assert pixels.std() > 10, "the canvas is uniform"
    # Group 0 is painted #d1495b: its colour must be where its items are, and not in a corner.
    red = np.abs(pixels - np.array([0xD1, 0x49, 0x5B])).sum(axis=2) < 40
    box = eye.page.locator(".map > canvas").bounding_box()
    assert box is not None
    x, y = eye.place(seeded.ids[0][0])
    left, top = round(x - box["x"]), round(y - box["y"])
    assert red[top - 60 : top + 60, left - 60 : left + 60].sum() > 200
    assert red[:20, :20].sum() == 0


@pytest.mark.looks
def test_a_program_in_place_of_a_graphics_processor_is_not_asked_to_draw(look: Look, seeded: Seeded) -> None:
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    assert eye.page.evaluate("document.createElement('canvas').getContext('webgl2') !== null")
    assert eye.page.evaluate("document.querySelector('canvas').getContext('2d') !== null")
    expect(eye.page.get_by_text("No WebGL2 in this browser")).not_to_be_visible()
    pixels = seen(eye)
    assert pixels.std() > 10, "the canvas is uniform"


@pytest.mark.looks
def test_zooming_in_shows_larger_and_sharper_pictures(look: Look, seeded: Seeded) -> None:
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    asked: list[int] = []

    def note(request: Request) -> None:
        if "thumbnails" in request.url:
            asked.append(request.post_data_json["size"])

    eye.page.on("request", note)
    eye.zoom(seeded.ids[0][0], 10)
    eye.page.wait_for_function("() => window.__shoal.drawn.visible < 30")
    eye.until(lambda: max(asked, default=0) >= 128, "larger pictures to be asked for")
    eye.press("f")
    eye.drawn(visible=sum(map(len, seeded.ids)))


def test_a_new_map_moves_in_without_a_reload(look: Look, seeded: Seeded) -> None:
    eye = look()
    points = sum(map(len, seeded.ids))
    eye.whole_map(points)
    before = [eye.place(ids[0]) for ids in seeded.ids]
    eye.lasso(seeded.ids[0])
    eye.drawn(selected=len(seeded.ids[0]))
    with Workspace.open(seeded.path) as workspace:
        old = workspace.map()
        assert old is not None
        new = workspace.save_map(Map(old.xy[:, ::-1].copy(), old.ids, old.origin), final=True)
    eye.drawn(map=new, selected=len(seeded.ids[0]))
    after = [eye.place(ids[0]) for ids in seeded.ids]
    assert any(abs(a[0] - b[0]) + abs(a[1] - b[1]) > 100 for a, b in zip(before, after, strict=True))
    eye.press("Enter")
    eye.page.keyboard.type("still these")
    eye.press("Enter")
    eye.saved()
    assert eye.counts() == {"still these": len(seeded.ids[0])}


def test_a_map_that_comes_in_mid_lasso_waits_for_its_end(look: Look, seeded: Seeded) -> None:
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    start, *way = eye.loop(seeded.ids[0])
    mouse = eye.page.mouse
    mouse.move(*start)
    mouse.down()
    for corner in way[:6]:
        mouse.move(*corner)
    before = eye.place(seeded.ids[0][0])
    with (
        Workspace.open(seeded.path) as workspace,
        eye.page.expect_response(lambda response: response.url.endswith("/points")),
    ):
        old = workspace.map()
        assert old is not None
        new = workspace.save_map(Map(old.xy[:, ::-1].copy(), old.ids, old.origin), final=True)
    mouse.wheel(0, -300)
    eye.frames(12)
    assert eye.place(seeded.ids[0][0]) == before
    assert eye.page.evaluate("window.__shoal.drawn.map") == seeded.map_id
    for corner in way[6:]:
        mouse.move(*corner)
    mouse.up()
    eye.drawn(map=new, selected=len(seeded.ids[0]))
    assert eye.place(seeded.ids[0][0]) != before
    eye.name("these")
    eye.saved()
    assert eye.counts() == {"these": len(seeded.ids[0])}
    assert eye.labels() == dict.fromkeys(seeded.ids[0], "these")


@pytest.mark.looks
def test_a_lost_context_comes_back_with_its_pictures(look: Look, server: Server, seeded: Seeded) -> None:
    eye = look(**wishing(server, "webgl2"))
    eye.forgive("CONTEXT_LOST")
    drawn = eye.whole_map(sum(map(len, seeded.ids)))
    eye.page.evaluate(
        """() => new Promise(done => {
            const gl = document.querySelector("canvas").getContext("webgl2");
            const lose = gl.getExtension("WEBGL_lose_context");
            lose.loseContext();
            setTimeout(() => { window.__shoal.drawn = null; lose.restoreContext(); done(); }, 300);
        })"""
    )
    eye.drawn(points=drawn["points"], thumbnails=drawn["thumbnails"])
    assert seen(eye).std() > 10


def test_without_webgl_the_page_says_so_and_labels_all_the_same(
    look: Look, blind_browser: Browser, seeded: Seeded
) -> None:
    eye = look(blind_browser)
    eye.whole_map(sum(map(len, seeded.ids)))
    assert eye.page.evaluate("document.createElement('canvas').getContext('webgl2')") is None
    expect(eye.page.get_by_text("No WebGL2 in this browser")).to_be_visible()
    assert seen(eye).std() > 10
    eye.lasso(seeded.ids[1])
    eye.drawn(selected=len(seeded.ids[1]))
    eye.name("plain")
    eye.saved()
    assert eye.counts() == {"plain": len(seeded.ids[1])}
    eye.press("Control+z")
    eye.drawn(labelled=0)


@pytest.mark.looks
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1920, 1080)])
def test_panels_keep_apart(look: Look, seeded: Seeded, width: int, height: int) -> None:
    eye = look(viewport={"width": width, "height": height})
    eye.whole_map(sum(map(len, seeded.ids)))
    eye.lasso(seeded.ids[0])
    eye.drawn(selected=len(seeded.ids[0]))
    panels = {name: eye.page.locator(name).bounding_box() for name in (".page > header", "main", "aside")}
    for name, box in panels.items():
        assert box is not None, name
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= height
    boxes = [box for box in panels.values() if box]
    for i, one in enumerate(boxes):
        for other in boxes[:i]:
            assert not overlap(one, other)
    toolbar = eye.page.get_by_role("toolbar").bounding_box()
    notice = eye.page.locator(".notice")
    eye.press("5")
    expect(notice).to_be_visible()
    said = notice.bounding_box()
    assert toolbar is not None
    assert said is not None
    assert not overlap(toolbar, said)
    assert eye.page.evaluate("document.documentElement.scrollWidth") <= width


def overlap(a: dict[str, float], b: dict[str, float]) -> bool:
    apart_x = a["x"] + a["width"] <= b["x"] or b["x"] + b["width"] <= a["x"]
    apart_y = a["y"] + a["height"] <= b["y"] or b["y"] + b["height"] <= a["y"]
    return not (apart_x or apart_y)


@pytest.mark.looks
def test_skipped_items_and_keys_are_listed(look: Look, seeded: Seeded) -> None:
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    eye.page.get_by_role("button", name="skipped").click()
    expect(eye.page.get_by_role("dialog").get_by_text("the file is truncated")).to_be_visible()
    eye.press("Escape")
    expect(eye.page.get_by_role("dialog")).to_have_count(0)
    eye.press("?")
    expect(eye.page.get_by_role("dialog").get_by_text("Label with that class")).to_be_visible()
    eye.press("?")
    expect(eye.page.get_by_role("dialog")).to_have_count(0)
