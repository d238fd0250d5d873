"""axe-core finds nothing to complain of, on every panel, dark and light; the keyboard reaches everything."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Look
from tests.browser.page import Eye
from tests.seeded import Seeded

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
RUN = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations.map((one) =>
    `${one.id}: ${one.nodes.map((node) => node.target.join(" ")).join(", ")}`)"""
PANELS = ("Learn", "Look", "Find", "Quality", "History")


@pytest.fixture(scope="module")
def axe() -> str:
    """The checker as a script, from the page's development packages."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: run `make`")
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
        eye.page.wait_for_timeout(150)
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
