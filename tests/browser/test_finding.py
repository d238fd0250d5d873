"""Finding as a person does: look-alikes, copies, odd ones, what a lasso missed, a picture looked at."""

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Look
from tests.browser.page import Eye
from tests.seeded import Seeded
from tests.server.test_finding_routes import unpack

from shoal.workspace import Workspace


def found(eye: Eye) -> list[int]:
    """The items in the list of what was found, as far as they are drawn."""
    cells = eye.page.locator("[data-found]")
    expect(cells.first).to_be_visible()
    return [int(cell.get_attribute("data-found") or -1) for cell in cells.all()]


def post(eye: Eye, path: str, body: dict, kinds: str) -> list:
    """What the server answers to a question."""
    asked = eye.page.request.post(f"{eye.server.base}/api/{path}", data=body)
    return [column.tolist() for column in unpack(asked.body(), kinds)]


def test_more_like_the_one_under_the_pointer_and_growing(look: Look, seeded: Seeded) -> None:
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    eye.page.mouse.click(*eye.place(seeded.ids[1][0]))
    eye.drawn(selected=1)
    eye.press("m")
    alike = found(eye)
    assert len(set(alike) & set(seeded.ids[1])) > 0.9 * len(alike)
    eye.page.mouse.move(700, 60)
    eye.press("g")
    eye.drawn(selected=11)
    chosen = eye.page.locator("[data-found][aria-pressed='true']")
    expect(chosen.first).to_be_visible()
    eye.name("alike")
    eye.saved()
    assert eye.counts() == {"alike": 11}
    for id in alike[:5]:
        item = eye.page.request.get(f"{eye.server.base}/api/items/{id}").json()
        assert item["class_name"] == "alike"


@pytest.mark.looks
def test_copies_keep_one_and_select_the_others(look: Look, seeded: Seeded) -> None:
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    eye.press("k")
    panel = eye.page.get_by_role("region", name="Find")
    panel.get_by_role("button", name="Near-duplicates").click()
    panel.get_by_role("button", name="Select others").click()
    ids, groups, _ = post(eye, "find", {"kind": "duplicates"}, "uif")
    assert len(ids) > len(set(groups)) > 0
    eye.drawn(selected=len(ids) - len(set(groups)))
    panel.locator(".section h3 span").evaluate("(count) => (count.textContent = '1,000,000 items')")
    for part in (panel.get_by_role("button", name="Select others"), panel.locator(".section h3")):
        box, room = part.bounding_box(), panel.bounding_box()
        assert box
        assert room
        assert box["x"] + box["width"] <= room["x"] + room["width"] - 8, "a large count pushes nothing out"


def test_an_odd_one_is_found_looked_at_and_put_right(look: Look, seeded: Seeded) -> None:
    wrong = seeded.ids[2][7]
    with Workspace.open(seeded.path) as workspace:
        for group, name in enumerate(("a", "b", "c", "d")):
            workspace.label(seeded.ids[group], name)
        workspace.label([wrong], "a")
    eye = look()
    eye.forgive("404")  # painted pictures have no file behind them
    eye.whole_map(sum(map(len, seeded.ids)))
    eye.press("k")
    panel = eye.page.get_by_role("region", name="Find")
    panel.get_by_role("button", name="Odd ones").click()
    assert found(eye) == [wrong]
    cell = panel.locator(f"[data-found='{wrong}']")
    expect(cell).to_contain_text("c 100 %")
    cell.hover()
    eye.press("Space")
    viewer = eye.page.get_by_role("dialog")
    expect(viewer.get_by_text("group2/")).to_be_visible()
    expect(viewer.get_by_text("a", exact=True)).to_be_visible()
    eye.press("Escape")
    expect(viewer).to_have_count(0)
    cell.click()
    eye.drawn(selected=1)
    expect(eye.page.get_by_text("1 has a label")).to_be_visible()
    eye.press("3")
    eye.saved()
    assert eye.page.request.get(f"{eye.server.base}/api/items/{wrong}").json()["class_name"] == "c"


@pytest.mark.looks
def test_a_lasso_learns_what_it_missed_and_what_it_took(look: Look, seeded: Seeded) -> None:
    stranger = seeded.ids[3][0]
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    eye.lasso(seeded.ids[0])
    eye.drawn(selected=len(seeded.ids[0]))
    tray = eye.page.get_by_role("region", name="Selection")
    expect(tray.locator("[data-item]").first).to_be_visible()
    out = [int(cell.get_attribute("data-item") or -1) for cell in tray.locator("[data-item]").all()[:3]]
    for id in out:
        tray.locator(f"[data-item='{id}']").click()
    eye.page.keyboard.down("Shift")
    eye.page.mouse.click(*eye.place(stranger))
    eye.page.keyboard.up("Shift")
    eye.drawn(selected=len(seeded.ids[0]) - 3 + 1)
    eye.press("x")
    panel = eye.page.get_by_role("region", name="Find")
    expect(panel.get_by_text("The map", exact=False).first).to_be_visible()
    expect(panel.locator("[data-found]").first).to_be_visible()
    assert set(found(eye)) == {*out, stranger}
    panel.get_by_role("button", name="Add them").click()
    eye.drawn(selected=len(seeded.ids[0]) + 1)
    panel.get_by_role("button", name="Take them out").click()
    eye.drawn(selected=len(seeded.ids[0]))


@pytest.mark.looks
def test_a_double_click_shows_the_picture_and_arrows_turn(look: Look, seeded: Seeded) -> None:
    eye = look()
    eye.forgive("404")
    eye.whole_map(sum(map(len, seeded.ids)))
    eye.page.mouse.dblclick(*eye.place(seeded.ids[0][0]))
    viewer = eye.page.get_by_role("dialog")
    expect(viewer.get_by_text("group0/")).to_be_visible()
    expect(viewer.locator("[data-large='none']")).to_be_attached()  # the thumbnail stays
    eye.press("ArrowRight")
    eye.press("Space")
    expect(viewer).to_have_count(0)
