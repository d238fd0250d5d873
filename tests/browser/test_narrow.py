"""The page on a phone, a tablet and small windows: nothing is cut off, covered or too small for a finger."""

from itertools import combinations

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Look
from tests.browser.page import Eye
from tests.browser.test_map import overlap
from tests.seeded import Seeded

pytestmark = pytest.mark.learned
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
TABLET = {"viewport": {"width": 768, "height": 1024}, "has_touch": True, "is_mobile": True}
WINDOWS = [(390, 844), (768, 1024), (1280, 800), (1920, 1080)]
PANELS = ("Learn", "Look", "Find", "Quality", "History")
FINGER = 44

CONTROLS = """() => [...document.querySelectorAll(
    "button, summary, select, a[href], input:not([type=checkbox], [type=radio])")].flatMap((one) => {
  if (!one.checkVisibility({ visibilityProperty: true })) return [];
  const box = one.getBoundingClientRect();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const seen = document.elementFromPoint(x, y);
  const layer = (of) => of?.closest(".panel, aside, .menu, dialog") ?? null;
  const behind = layer(seen) !== null && layer(seen) !== layer(one);
  let scrolled = false;
  for (let room = one.parentElement; room; room = room.parentElement) {
    const edge = room.getBoundingClientRect();
    scrolled ||= getComputedStyle(room).overflowY !== "visible" && (y < edge.top || y > edge.bottom);
  }
  const reached = seen && (one.contains(seen) || seen.contains(one));
  return [{ name: one.getAttribute("aria-label") || one.textContent.trim() || one.id, width: box.width,
    height: box.height, out: box.left < -0.5 || box.right > innerWidth + 0.5,
    covered: !scrolled && !behind && !one.disabled && !reached }];
})"""
PARTS = """() => Object.fromEntries([["bar", "header"], ["rail", "nav"], ["panel", ".panel"], ["map", "main"],
    ["labels", "aside"]].flatMap(([name, of]) => {
  const one = document.querySelector(".page > " + of);
  if (!one?.checkVisibility()) return [];
  const { left, right, top, bottom } = one.getBoundingClientRect();
  return [[name, [left, top, right, bottom]]];
}))"""


def panel(page: Page, name: str) -> None:
    """Open a panel by a finger or the mouse."""
    page.get_by_role("navigation", name="Panels").get_by_role("button", name=name).click()
    if name in PANELS:
        expect(page.get_by_role("region", name=name, exact=True)).to_be_visible()


def faults(eye: Eye, *, finger: bool) -> list[str]:
    """What is cut off, covered by something else, or smaller than a fingertip."""
    found = []
    for one in eye.page.evaluate(CONTROLS):
        small = finger and min(one["width"], one["height"]) < FINGER - 0.5
        what = [why for why, so in (("out", one["out"]), ("covered", one["covered"]), ("small", small)) if so]
        if what:
            found.append(f"{one['name']!r} {one['width']:.0f}x{one['height']:.0f}: {', '.join(what)}")
    width, inner = eye.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    return found + ([f"the page scrolls sideways: {width} > {inner}"] if width > inner else [])


@pytest.mark.parametrize("device", [PHONE, TABLET], ids=["phone", "tablet"])
def test_fingers_reach_everything(look: Look, device: dict[str, object]) -> None:
    eye = look(**device)
    eye.whole_map(239)
    found = {"map": faults(eye, finger=True)}
    for name in (*PANELS, "Label"):
        panel(eye.page, name)
        found[name] = faults(eye, finger=True)
    eye.press("Control+a")
    expect(eye.page.locator("[data-item]").first).to_be_visible()
    found["selected"] = faults(eye, finger=True)
    eye.page.get_by_role("button", name="More about red").click()
    found["menu"] = faults(eye, finger=True)
    assert {where: what for where, what in found.items() if what} == {}


@pytest.mark.parametrize("size", WINDOWS, ids=lambda size: f"{size[0]}x{size[1]}")
def test_no_part_lies_over_another_but_sheets(look: Look, size: tuple[int, int]) -> None:
    eye = look(viewport={"width": size[0], "height": size[1]})
    eye.whole_map(239)
    for name in PANELS:
        panel(eye.page, name)
        parts = eye.page.evaluate(PARTS)
        assert parts["panel"], "it is there"
        if size[0] < 720:
            del parts["panel"]  # a sheet over the map
        assert overlaps(parts) == [], (name, parts)
        left, top, right, bottom = parts["map"]
        assert (right - left) * (bottom - top) > 0.4 * size[0] * size[1], "the map keeps its room"
        assert faults(eye, finger=False) == [], name


def overlaps(parts: dict[str, list[float]]) -> list[tuple[str, str]]:
    """Name the pairs of boxes (left, top, right, bottom) that share more than a border."""
    return [
        (one, other)
        for one, a in parts.items()
        for other, b in parts.items()
        if one < other and min(a[2], b[2]) - max(a[0], b[0]) > 1 and min(a[3], b[3]) - max(a[1], b[1]) > 1
    ]


@pytest.mark.parametrize("size", [*WINDOWS[:2], (1000, 700)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("which", ["browser", "blind_browser"])
def test_a_notice_and_the_chip_of_the_filters_leave_each_other_free(
    look: Look, request: pytest.FixtureRequest, which: str, size: tuple[int, int]
) -> None:
    eye = look(request.getfixturevalue(which), viewport={"width": size[0], "height": size[1]})
    eye.whole_map(239)
    eye.press("Shift+L")
    eye.press("t")  # there is nothing to flip to
    parts = [eye.page.locator(".pane").locator(one) for one in (".notice", ".filters")]
    if which == "blind_browser":
        parts.append(eye.page.locator(".banner"))
    for part in parts:
        expect(part).to_be_visible()
    boxes = [part.bounding_box() for part in parts]
    assert not any(overlap(one, other) for one, other in combinations(boxes, 2))


def test_on_a_phone_a_selection_is_named_in_a_sheet_that_then_goes(look: Look, seeded: Seeded) -> None:
    eye = look(**PHONE)
    eye.whole_map(239)
    classes = eye.page.get_by_role("complementary", name="Labels and selection")
    expect(classes).to_be_hidden()
    count = len(seeded.ids[2])
    eye.lasso(seeded.ids[2])
    eye.drawn(selected=count)
    label = eye.page.get_by_role("navigation", name="Panels").get_by_role("button", name="Label")
    expect(label).to_contain_text(str(count))
    label.tap()
    expect(classes).to_be_visible()
    classes.get_by_role("textbox").fill("disc")
    eye.press("Enter")
    expect(classes).to_be_hidden()
    expect(eye.page.get_by_text(f"Labelled {count} items “disc”")).to_be_visible()
    eye.saved()
    assert eye.counts()["disc"] == count
    label.tap()
    expect(classes.locator("[data-class=disc]")).to_be_visible()
    eye.page.get_by_role("button", name="Learn").tap()
    expect(classes).to_be_hidden()
