"""Lasso, box and brush, their keys, and the tray: what is drawn around is what the server labels."""

import math
import re
from contextlib import suppress
from itertools import pairwise

import numpy as np
import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from playwright.sync_api import expect
from tests.browser.conftest import Look
from tests.browser.page import Eye
from tests.browser.test_looking import folder_alone
from tests.seeded import Seeded, save_early

from shoal.workspace import Workspace


def drag(eye: Eye, start: tuple[float, float], *way: tuple[float, float], hold: str | None = None) -> None:
    if hold:
        eye.page.keyboard.down(hold)
    eye.page.mouse.move(*start)
    eye.page.mouse.down()
    for place in way:
        eye.page.mouse.move(*place, steps=4)
    eye.page.mouse.up()
    if hold:
        eye.page.keyboard.up(hold)


def box(eye: Eye, ids: list[int], hold: str | None = None) -> None:
    places = eye.places(ids)
    left, top = (min(place[axis] for place in places) - 3 for axis in (0, 1))
    right, bottom = (max(place[axis] for place in places) + 3 for axis in (0, 1))
    drag(eye, (left, top), (right, bottom), hold=hold)


def test_box_brush_invert_and_all_of_it_saved(look: Look, seeded: Seeded) -> None:
    eye = look()
    a, b, c, d = (len(ids) for ids in seeded.ids)
    eye.whole_map(a + b + c + d)
    eye.press("b")
    box(eye, seeded.ids[0])
    eye.drawn(selected=a)
    box(eye, seeded.ids[1], hold="Shift")
    eye.drawn(selected=a + b)
    box(eye, seeded.ids[0], hold="Alt")
    eye.drawn(selected=b)
    eye.press("i")
    eye.drawn(selected=a + c + d)
    eye.press("i")
    eye.drawn(selected=b)
    eye.press("Escape")
    eye.drawn(selected=0)
    box(eye, seeded.ids[2])
    eye.name("boxed")
    eye.saved()

    eye.press("p")
    for _ in range(4):
        eye.press(">")
    places = eye.places(seeded.ids[3])
    x, y = (sum(place[axis] for place in places) / d for axis in (0, 1))
    drag(eye, (x, y), (x + 1, y))
    near = [id for id, place in zip(seeded.ids[3], places, strict=True) if math.dist(place, (x, y)) < 50]
    assert near
    selected = eye.page.evaluate("window.__shoal.drawn.selected")
    assert selected >= len(near)
    ring = [(x + 60 * math.cos(k), y + 60 * math.sin(k)) for k in range(8)]
    drag(eye, ring[0], *ring[1:], ring[0], hold="Shift")
    eye.drawn(selected=d)
    eye.name("brushed")
    eye.saved()
    assert eye.counts() == {"boxed": c, "brushed": d}
    history = eye.page.request.get(f"{eye.server.base}/api/history").json()
    assert {line["class_name"]: line["how"] for line in history} == {"boxed": "box", "brushed": "key"}


def test_everything_selected_at_once_is_told_as_that(look: Look, seeded: Seeded) -> None:
    eye = look()
    points = sum(map(len, seeded.ids))
    eye.whole_map(points)
    eye.press("Control+a")
    eye.drawn(selected=points)
    eye.name("pile")
    eye.saved()
    assert eye.counts() == {"pile": points}
    newest = eye.page.request.get(f"{eye.server.base}/api/history").json()[0]
    assert (newest["how"], newest["count"]) == ("all", points)
    eye.press("h")
    expect(eye.page.locator("li[data-event]").first).to_contain_text("everything")


def longest_step(path: str) -> float:
    """Return the longest way between two places of an outline, in px; the one that closes it left out."""
    numbers = [float(number) for number in re.findall(r"-?[\d.]+", path)]
    corners = list(zip(numbers[::2], numbers[1::2], strict=True))
    return max(math.dist(*pair) for pair in pairwise(corners))


def test_a_panel_or_a_new_size_moves_nothing_under_a_hand_that_draws(look: Look, seeded: Seeded) -> None:
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    mouse = eye.page.mouse
    everyone = [ids[0] for ids in seeded.ids]
    loop = eye.loop(seeded.ids[0])
    step = max(math.dist(*pair) for pair in pairwise(loop))
    mouse.move(*loop[0])
    mouse.down()
    for corner in loop[1:4]:
        mouse.move(*corner)
    path = eye.page.locator(".map > svg path")
    places = np.array(eye.places(everyone))
    eye.press("o")
    for corner in loop[4:7]:  # the hand goes on, whatever the page does meanwhile
        mouse.move(*corner)
    expect(eye.page.get_by_role("region", name="Look")).to_be_visible()
    eye.still()
    assert longest_step(path.get_attribute("d") or "") == pytest.approx(step, abs=0.2)
    assert np.array(eye.places(everyone)) == pytest.approx(places, abs=0.01)
    eye.press("o")
    eye.still()
    eye.page.set_viewport_size({"width": 1100, "height": 700})
    eye.still()
    assert np.array(eye.places(everyone)) == pytest.approx(places, abs=0.01)
    eye.press("o")
    for corner in loop[7:]:
        mouse.move(*corner)
    assert longest_step(path.get_attribute("d") or "") == pytest.approx(step, abs=0.2)
    mouse.up()
    eye.drawn(selected=len(seeded.ids[0]))
    eye.still()
    assert np.array(eye.places(everyone)) != pytest.approx(places, abs=2)  # everything is on show again


def test_a_panel_moves_nothing_under_a_hand_that_draws_on_the_map_beside(look: Look, seeded: Seeded) -> None:
    with Workspace.open(seeded.path) as workspace:
        save_early(workspace, seeded)
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    side = eye.beside()
    box = side.bounding_box()
    assert box
    middle, radius = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2), 60
    loop = [
        (middle[0] + radius * math.cos(k * math.pi / 6), middle[1] + radius * math.sin(k * math.pi / 6))
        for k in range(12)
    ]
    mouse = eye.page.mouse
    mouse.move(*loop[0])
    mouse.down()
    for place, corner in enumerate(loop[1:]):
        if place == 5:
            eye.press("o")
        mouse.move(*corner)
    expect(eye.page.get_by_role("region", name="Look")).to_be_visible()
    eye.still()
    outline = eye.page.locator(".side > svg path")
    assert longest_step(outline.get_attribute("d") or "") == pytest.approx(math.dist(*loop[:2]), abs=0.2)
    drawn = outline.bounding_box()
    assert drawn
    assert (drawn["x"], drawn["y"]) == pytest.approx((middle[0] - radius, middle[1] - radius), abs=2)
    mouse.up()
    expect(outline).to_have_count(0)


def test_a_brush_stroke_alone_is_told_as_one(look: Look, seeded: Seeded) -> None:
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    eye.page.get_by_role("button", name="Brush").click()
    drag(eye, eye.place(seeded.ids[0][0]), eye.place(seeded.ids[0][1]))
    eye.page.wait_for_function("() => window.__shoal.drawn.selected > 1")
    count = eye.drawn()["selected"]
    eye.name("stroke")
    eye.saved()
    assert eye.counts() == {"stroke": count}
    [line] = eye.page.request.get(f"{eye.server.base}/api/history").json()
    assert (line["how"], line["count"]) == ("brush", count)


def test_the_tray_is_ordered_and_strangers_are_dragged_out_or_put_out_by_key(
    look: Look, seeded: Seeded
) -> None:
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    eye.lasso(seeded.ids[0])
    n = len(seeded.ids[0])
    eye.drawn(selected=n)
    tray = eye.page.get_by_role("region", name="Selection")
    cells = tray.get_by_role("option")
    expect(cells.first).to_be_visible()
    shown = [int(cell.get_attribute("data-item") or -1) for cell in cells.all()[:8]]
    places = dict(zip(seeded.ids[0], eye.places(seeded.ids[0]), strict=True))
    middle = tuple(sum(place[axis] for place in places.values()) / n for axis in (0, 1))
    assert shown == sorted(seeded.ids[0], key=lambda id: math.dist(places[id], middle))[:8]

    first = cells.first.bounding_box()
    assert first
    start = (first["x"] + 20, first["y"] + 20)
    drag(eye, start, (start[0] + 6, start[1]), (start[0] + 12, start[1]))
    expect(cells.first).to_have_attribute("aria-selected", "true")  # dropped within the tray: it stays
    drag(eye, start, (start[0] - 200, start[1] - 100))
    expect(cells.first).to_have_attribute("aria-selected", "false")
    eye.drawn(selected=n - 1)

    eye.press("j")
    expect(cells.first).to_be_focused()
    eye.press("ArrowRight")
    expect(cells.nth(1)).to_be_focused()
    eye.press("Space")
    eye.drawn(selected=n - 2)
    eye.press("End")
    focused = eye.page.locator(":focus")
    expect(focused).to_have_attribute("aria-posinset", str(n))
    expect(eye.page.locator(".mark")).to_be_visible()  # the map shows where it is
    eye.press("1")
    expect(eye.page.get_by_text("No class has the key 1 yet")).to_be_visible()
    eye.name("kept")
    eye.saved()
    assert eye.counts() == {"kept": n - 2}
    out = [eye.page.request.get(f"{eye.server.base}/api/items/{id}").json()["class_name"] for id in shown[:2]]
    assert out == [None, None]


@pytest.mark.looks
def test_one_finger_moves_the_map_held_it_draws_and_a_tap_picks(look: Look, seeded: Seeded) -> None:
    eye = look(has_touch=True)
    eye.whole_map(sum(map(len, seeded.ids)))
    touch = eye.page.context.new_cdp_session(eye.page)

    def finger(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(places)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    before = eye.place(seeded.ids[0][0])
    x, y = 640, 300
    finger("touchStart", (x, y))
    for k in range(1, 5):
        finger("touchMove", (x + 10 * k, y))
    finger("touchEnd")
    assert eye.place(seeded.ids[0][0])[0] - before[0] > 25
    start, *way = eye.loop(seeded.ids[1])
    finger("touchStart", start)
    expect(eye.page.locator(".map > svg path").first).to_be_attached(timeout=30_000)  # it rests, and draws
    for corner in way:
        finger("touchMove", corner)
    finger("touchEnd")
    eye.drawn(selected=len(seeded.ids[1]))
    # Where the machine is slow, a tap may last as long as a hold, and then draws nothing: tap again.
    for _ in range(30):
        finger("touchStart", eye.place(seeded.ids[2][0]))
        finger("touchEnd")
        with suppress(PlaywrightTimeout):
            eye.page.wait_for_function("() => window.__shoal.drawn.selected === 1", timeout=2000)
            break
    eye.drawn(selected=1)
    apart = eye.place(seeded.ids[0][0]), eye.place(seeded.ids[3][0])
    finger("touchStart", (x - 30, y), (x + 30, y))
    for k in range(1, 5):
        finger("touchMove", (x - 30 - 10 * k, y), (x + 30 + 10 * k, y))
    finger("touchEnd")
    after = eye.place(seeded.ids[0][0]), eye.place(seeded.ids[3][0])
    assert math.dist(*after) > 1.5 * math.dist(*apart)


@pytest.mark.looks
def test_what_the_filter_holds_back_is_said_and_the_selection_stays(look: Look, seeded: Seeded) -> None:
    eye = look()
    points = sum(map(len, seeded.ids))
    eye.whole_map(points)
    eye.lasso(seeded.ids[1])
    eye.drawn(selected=len(seeded.ids[1]))
    panel = folder_alone(eye, "group0")
    expect(panel.get_by_text(f"{len(seeded.ids[0])} of {points}")).to_be_visible()
    notice = eye.page.locator(".notice")

    def holds(count: int) -> None:
        expect(notice).to_contain_text(f"The filter holds these {count} items back.")
        notice.get_by_role("button", name="Close").click()
        eye.drawn(selected=len(seeded.ids[1]))

    eye.lasso(seeded.ids[2])
    holds(len(seeded.ids[2]))
    eye.lasso(seeded.ids[2], hold="Shift")
    holds(len(seeded.ids[2]))
    panel.get_by_label("Text in the name").fill("nothing has this name")
    expect(panel.get_by_text(re.compile(rf"\b0 of {points}"))).to_be_visible()
    eye.page.evaluate("document.activeElement.blur()")
    eye.press("Control+a")
    holds(points)
    eye.press("i")
    holds(points - len(seeded.ids[1]))
