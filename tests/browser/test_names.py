"""Names of regions on the screen: near what they name, within the map, under nothing and over nothing."""

import numpy as np
from playwright.sync_api import FloatRect, Locator, expect
from tests.browser.conftest import Look
from tests.browser.page import Eye
from tests.browser.test_map import overlap
from tests.seeded import Seeded

from shoal.workspace import Workspace

NAMES = ("north", "east", "south", "west")


def named(look: Look, seeded: Seeded, *names: str, **options: object) -> Eye:
    """A page whose groups have these names."""
    with Workspace.open(seeded.path) as workspace:
        for group, name in enumerate(names):
            workspace.label(seeded.ids[group], name)
    eye = look(**options)
    eye.whole_map(sum(map(len, seeded.ids)))
    return eye


def box_of(part: Locator) -> FloatRect:
    box = part.bounding_box()
    assert box
    return box


def middle_of(eye: Eye, ids: list[int]) -> np.ndarray:
    return np.mean(eye.places(ids), axis=0)


def move(eye: Eye, by: np.ndarray) -> None:
    """Move the map by so many px."""
    map_box = box_of(eye.page.locator(".map > canvas"))
    start = np.array([map_box["x"] + map_box["width"] / 2, map_box["y"] + map_box["height"] / 2])
    eye.press("v")
    eye.page.mouse.move(*start)
    eye.page.mouse.down()
    eye.page.mouse.move(*(start + by), steps=4)
    eye.page.mouse.up()
    eye.press("l")
    eye.still()


def test_a_name_in_wide_letters_is_reckoned_as_wide_as_it_is(look: Look, seeded: Seeded) -> None:
    eye = named(look, seeded, "WWWW WWWW")
    map_box = box_of(eye.page.locator(".map > canvas"))
    right = map_box["x"] + map_box["width"]
    move(eye, np.array([right - 20 - middle_of(eye, seeded.ids[0])[0], 0]))
    name = eye.page.locator(".map .name[data-name]")
    expect(name).to_be_visible()
    box = box_of(name)
    assert right - 40 < box["x"] + box["width"] <= right - 3, "pushed in"
    assert not name.locator(".truncate").evaluate("(one) => one.scrollWidth > one.clientWidth"), "and whole"


def test_names_go_out_of_the_way_of_a_notice(look: Look, seeded: Seeded) -> None:
    eye = named(look, seeded, *NAMES, viewport={"width": 900, "height": 700})
    map_box = box_of(eye.page.locator(".map > canvas"))
    top = np.array([map_box["x"] + map_box["width"] / 2, map_box["y"] + 30])
    highest = min(range(4), key=lambda group: middle_of(eye, seeded.ids[group])[1])
    move(eye, top - middle_of(eye, seeded.ids[highest]))
    name = eye.page.locator(f".map .name[data-name={NAMES[highest]}]")
    expect(name).to_be_visible()
    eye.press("Shift+U")
    notice = eye.page.locator(".notice")
    expect(notice).to_contain_text("Nothing is filtered.")
    eye.until(lambda: not overlap(box_of(name), box_of(notice)), "the name to leave the notice free")
    expect(name).to_be_visible()
    there = box_of(notice)
    notice.get_by_role("button", name="Close").click()
    eye.until(lambda: overlap(box_of(name), there), "the name to be back")
