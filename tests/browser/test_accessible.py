"""axe-core finds nothing to complain of, on every panel, empty and full; the keyboard reaches everything."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect
from tests.browser.conftest import REQUIRED, Look
from tests.browser.page import PATIENCE_MS, Eye
from tests.seeded import Seeded, save_round

from shoal.workspace import Workspace

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
RUN = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations.map((one) =>
    `${one.id}: ${one.nodes.map((node) => node.target.join(" ")).join(", ")}`)"""
PANELS = ("Learn", "Look", "Find", "Quality", "History")


@pytest.fixture(scope="module")
def axe() -> str:
    """The checker as a script, from the page's development packages."""
    if not AXE.exists():
        (pytest.fail if REQUIRED else pytest.skip)("axe-core is not installed: run `make`")
    return AXE.read_text()


def complaints(eye: Eye, axe: str) -> list[str]:
    if not eye.page.evaluate("() => 'axe' in window"):
        eye.page.evaluate(axe)
    found: Any = eye.page.evaluate(RUN)
    return list(found)


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_is_content_with_every_panel(look: Look, seeded: Seeded, axe: str, scheme: str) -> None:
    eye = look(color_scheme=scheme)
    eye.whole_map(sum(map(len, seeded.ids)))
    found = {"empty": complaints(eye, axe)}
    eye.lasso(seeded.ids[0])
    eye.name("disc")
    eye.saved()
    eye.lasso(seeded.ids[1])
    eye.page.get_by_role("option").first.click()
    found["tray"] = complaints(eye, axe)
    for panel in PANELS:
        eye.page.get_by_role("navigation", name="Panels").get_by_role("button", name=panel).click()
        expect(eye.page.get_by_role("region", name=panel, exact=True)).to_be_visible()
        eye.still()
        found[panel] = complaints(eye, axe)
    eye.page.locator("[data-class=disc]").click(button="right")
    found["menu"] = complaints(eye, axe)
    eye.press("Escape")
    eye.page.get_by_role("button", name="You label as").click()
    found["person"] = complaints(eye, axe)
    eye.press("Escape")
    eye.page.locator("body").click(position={"x": 640, "y": 20})
    eye.press("?")
    found["keys"] = complaints(eye, axe)
    assert {place: wrong for place, wrong in found.items() if wrong} == {}


class Audit:
    """What axe says of the page, place by place."""

    def __init__(self, eye: Eye, axe: str) -> None:
        self.eye = eye
        self.axe = axe
        self.found: dict[str, list[str]] = {}

    def note(self, place: str, *there: Locator) -> None:
        """Scan the page once all of `there` is on show: an empty panel has nothing to complain of."""
        for locator in there:
            expect(locator).to_be_visible(timeout=PATIENCE_MS)
        self.eye.still()
        self.found[place] = complaints(self.eye, self.axe)


def fill(seeded: Seeded) -> None:
    """Give the workspace a round, and labels of four classes, one of them wrong."""
    with Workspace.open(seeded.path) as workspace:
        save_round(workspace, seeded)
        for group, name in ((2, "north"), (3, "south")):
            workspace.label(seeded.ids[group], name)
        workspace.label(seeded.ids[2][7:8], "south")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_is_content_with_every_panel_when_it_is_full(
    look: Look, seeded: Seeded, axe: str, scheme: str
) -> None:
    fill(seeded)
    eye = look(color_scheme=scheme)
    eye.forgive("404")  # painted pictures have no file behind them
    eye.whole_map(sum(map(len, seeded.ids)))
    audit = Audit(eye, axe)
    audit.note("map", eye.page.locator(".name").first)
    for scan in (scan_learn, scan_look, scan_find, scan_quality, scan_history, scan_sheets):
        scan(audit, seeded)
    assert {place: wrong for place, wrong in audit.found.items() if wrong} == {}


def scan_learn(audit: Audit, seeded: Seeded) -> None:
    """Proposals, the rounds, groups to label next, a rejection and what it says."""
    eye = audit.eye
    eye.press("r")
    panel = eye.page.get_by_role("region", name="Learn")
    audit.note("learn", panel.get_by_role("button", name="Accept").first, panel.locator(".past").first)
    eye.press(".")
    audit.note("next", panel.locator("[aria-pressed=true]"), eye.page.locator("[data-item]").first)
    eye.page.reload()  # everything is in view again
    eye.whole_map(sum(map(len, seeded.ids)))
    eye.lasso(seeded.ids[1])
    audit.note("reject", panel.get_by_role("button", name="Reject").first)
    eye.press(",")
    eye.saved()
    audit.note("rejected", eye.page.locator(".notice"))


def scan_look(audit: Audit, seeded: Seeded) -> None:
    """The legend, a column's values, two filters, another layer, and a map beside."""
    eye = audit.eye
    eye.press("o")
    panel = eye.page.get_by_role("region", name="Look")
    audit.note("legend", panel.get_by_role("list", name="Legend").get_by_role("button").first)
    panel.get_by_label("Colour by").select_option(label="Width")
    panel.get_by_label("Filter by").select_option(label="Folder")
    panel.get_by_role("button", name="group1").click()
    panel.get_by_role("button", name="Labelled", exact=True).click()
    audit.note("filters", panel.get_by_role("list", name="Filters").get_by_role("listitem").first)
    panel.get_by_role("button", name="Clear all").click()
    panel.get_by_label("Beside it").select_option("early")
    audit.note("beside", eye.page.locator(".side[data-map] canvas"))
    panel.get_by_label("Beside it").select_option(index=0)


def scan_find(audit: Audit, seeded: Seeded) -> None:
    """What each question found."""
    eye = audit.eye
    eye.press("k")
    panel = eye.page.get_by_role("region", name="Find")
    found = panel.locator("[data-found]").first
    for question in ("Near-duplicates", "Outliers", "Odd ones"):
        panel.get_by_role("button", name=question).click()
        audit.note(question, found)
    eye.lasso(seeded.ids[0])
    eye.page.keyboard.down("Shift")
    eye.page.mouse.click(*eye.place(seeded.ids[3][0]))  # a stranger
    eye.page.keyboard.up("Shift")
    for question in ("Similar", "Missed and strangers"):
        panel.get_by_role("button", name=question).click()
        audit.note(question, found, eye.page.locator("[data-item]").first)


def scan_quality(audit: Audit, seeded: Seeded) -> None:
    """The confusion matrix with right and wrong cells, of the screen and of a selection."""
    eye = audit.eye
    eye.press("q")
    panel = eye.page.get_by_role("region", name="Quality")
    audit.note("quality", panel.locator("[data-cell]").first, panel.locator("[data-silhouette]"))
    panel.get_by_role("button", name="Selection", exact=True).click()
    audit.note("quality of the selection", panel.locator("[data-cell]").first)


def scan_history(audit: Audit, seeded: Seeded) -> None:
    """The lines of the history, one taken back, one chosen and under the pointer."""
    eye = audit.eye
    eye.press("Escape")
    eye.press("h")
    panel = eye.page.get_by_role("region", name="History")
    eye.press("Control+z")
    eye.saved()
    line = panel.locator("[data-event]").filter(has_text="north").first
    line.get_by_role("button", name="north").first.click()
    audit.note("history", panel.locator("li.shown"), panel.locator("li.off").first)


def scan_sheets(audit: Audit, seeded: Seeded) -> None:
    """The viewer, the keys, what was skipped."""
    eye = audit.eye
    eye.page.locator("[data-item]").first.hover()  # what the line of the history selected
    eye.press("Space")
    sheet = eye.page.get_by_role("dialog")
    audit.note("viewer", sheet.get_by_text("group2/"))
    eye.press("Escape")
    expect(eye.page.locator("dialog")).to_have_count(0)  # closed, and heard of
    eye.press("?")
    audit.note("keys", sheet)
    eye.press("Escape")
    expect(eye.page.locator("dialog")).to_have_count(0)  # closed, and heard of
    eye.page.get_by_role("button", name="skipped").click()
    audit.note("skipped", sheet.get_by_role("listitem").first)
    eye.press("Escape")


@pytest.mark.looks
def test_the_keyboard_reaches_the_whole_way_round(look: Look, seeded: Seeded) -> None:
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    eye.press("Control+a")
    eye.drawn(selected=sum(map(len, seeded.ids)))
    seen: list[str] = []
    for _ in range(60):
        eye.press("Tab")
        named = eye.page.evaluate(
            "() => { const one = document.activeElement; return [one.tagName,"
            " one.getAttribute('aria-label') ?? one.innerText.trim(), getComputedStyle(one).outlineStyle] }"
        )
        if named[0] == "BODY":
            break
        assert named[1], f"something without a name has the focus after {seen[-3:]}"
        assert named[2] != "none", f"{named[1]} shows no focus"
        seen.append(named[1])
    for wanted in ("Export", "You label as", "Learn", "History", "Lasso", "Box", "Brush", "Clear", "Item"):
        assert any(wanted in name for name in seen), f"Tab does not reach {wanted}: {seen}"
