"""The rail and its panels: one open at a time, remembered, reachable by key, nothing covered."""

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Look
from tests.browser.test_map import overlap
from tests.seeded import Seeded


@pytest.mark.looks
@pytest.mark.parametrize("width", [1280, 1920])
def test_a_panel_opens_beside_the_map_and_is_remembered(look: Look, seeded: Seeded, width: int) -> None:
    eye = look(viewport={"width": width, "height": 800})
    eye.whole_map(sum(map(len, seeded.ids)))
    rail = eye.page.get_by_role("navigation", name="Panels")
    before = eye.page.locator("main").bounding_box()
    eye.press("o")
    panel = eye.page.get_by_role("region", name="Look")
    expect(panel).to_be_focused()
    places = [
        locator.bounding_box()
        for locator in (rail, panel, eye.page.locator("main"), eye.page.locator("aside"))
    ]
    for i, one in enumerate(places):
        for other in places[:i]:
            assert one
            assert other
            assert not overlap(one, other)
    assert before
    assert places[2]
    assert places[2]["width"] < before["width"]
    assert eye.page.evaluate("document.documentElement.scrollWidth") <= width
    toolbar = eye.page.get_by_role("toolbar").bounding_box()
    assert toolbar
    assert toolbar["x"] + toolbar["width"] <= places[2]["x"] + places[2]["width"]
    eye.page.reload()
    expect(panel).to_be_visible()
    eye.drawn(points=sum(map(len, seeded.ids)))
    eye.lasso(seeded.ids[0])  # the map is where it is drawn, also beside a panel
    eye.drawn(selected=len(seeded.ids[0]))
    content = eye.page.locator(".panel .content")
    eye.page.set_viewport_size({"width": width, "height": 420})
    content.evaluate("(one) => (one.scrollTop = one.scrollHeight)")
    assert content.evaluate("(one) => one.scrollTop") > 0
    rail.get_by_role("button", name="Quality").click()
    expect(eye.page.get_by_role("region", name="Quality", exact=True)).to_be_visible()
    assert content.evaluate("(one) => one.scrollTop") == 0  # another panel begins at its top
    rail.get_by_role("button", name="Quality").click()
    expect(panel).to_have_count(0)


@pytest.mark.looks
def test_the_page_brings_its_own_type(look: Look, seeded: Seeded) -> None:
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    fonts = eye.page.evaluate("document.fonts.ready.then((all) => [...all].map((f) => [f.family, f.status]))")
    assert ["Inter Variable", "loaded"] in [[family.strip('"'), status] for family, status in fonts]
    assert eye.page.evaluate("getComputedStyle(document.body).fontFamily").startswith('"Inter Variable"')
    assert eye.page.evaluate("async () => (await fetch('/inter-license.txt')).ok")
