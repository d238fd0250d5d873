"""What once took the mouse, by key: classes, the history, filters, finding, two maps side by side."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect
from tests.browser.conftest import Look
from tests.browser.page import PATIENCE_MS, Eye, Server
from tests.browser.test_finding import post
from tests.seeded import Seeded, seed_workspace

from shoal.workspace import Workspace


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Seeded:
    """One workspace for all tests of this file: each brings its own class names."""
    return seed_workspace(tmp_path_factory.mktemp("keys") / "keys.shoal")


@pytest.fixture(scope="module")
def server(seeded: Seeded) -> Iterator[Server]:
    with Server(seeded.path) as started:
        yield started


@pytest.fixture
def eye(look: Look, seeded: Seeded) -> Eye:
    return opened(look, seeded)


def opened(look: Look, seeded: Seeded, **groups: int) -> Eye:
    """The page, with a class of its own for some groups of items."""
    with Workspace.open(seeded.path) as workspace:
        for name, group in groups.items():
            workspace.label(seeded.ids[group], name)
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    return eye


def give(eye: Eye, ids: list[int], name: str) -> None:
    """Lasso the items of a group and name them."""
    eye.lasso(ids)
    eye.drawn(selected=len(ids))
    eye.name(name)
    eye.saved()


def counts(eye: Eye, *names: str) -> tuple[int | None, ...]:
    found = eye.counts()
    return tuple(found.get(name) for name in names)


def dialog(eye: Eye, name: str) -> Locator:
    return eye.page.get_by_role("dialog", name=name)


def test_split_off_asks_for_a_new_name_and_one_undo_takes_it_back(eye: Eye, seeded: Seeded) -> None:
    n = len(seeded.ids[0])
    eye.press("Shift+S")
    expect(eye.page.get_by_text("select the items to split off first")).to_be_visible()
    give(eye, seeded.ids[0], "whole")
    eye.lasso(seeded.ids[0])
    eye.drawn(selected=n)
    eye.press("j")
    focused = eye.page.locator("[data-item]:focus")
    stays = focused.get_attribute("data-item")
    eye.press("Space")
    eye.drawn(selected=n - 1)
    eye.press("Shift+S")
    sheet = dialog(eye, "Split off")
    expect(sheet.get_by_text(f"{n - 1} of “whole”")).to_be_visible()
    eye.page.keyboard.type("whole")
    eye.press("Enter")
    expect(sheet.get_by_role("alert")).to_contain_text("already")
    sheet.get_by_label("Name of the new class").fill("part")
    eye.press("Enter")
    expect(sheet).to_have_count(0)
    eye.saved()
    assert counts(eye, "whole", "part") == (1, n - 1)
    assert eye.page.request.get(f"{eye.server.base}/api/items/{stays}").json()["class_name"] == "whole"
    eye.press("Control+z")
    eye.saved()
    assert counts(eye, "whole", "part") == (n, None)


def test_two_classes_are_merged_one_renamed_one_deleted(look: Look, seeded: Seeded) -> None:
    b, c = (len(seeded.ids[group]) for group in (1, 2))
    eye = opened(look, seeded, north=1, south=2)
    eye.lasso(seeded.ids[1])
    eye.press("Shift+M")
    sheet = dialog(eye, "Merge two classes")
    source = sheet.get_by_label("Merge")
    expect(source).to_be_focused()
    expect(source.locator("option:checked")).to_have_text(f"north ({b})")  # the selection's
    eye.press("Tab")
    eye.page.keyboard.type("south")
    eye.press("Enter")
    expect(sheet).to_have_count(0)
    eye.saved()
    assert counts(eye, "north", "south") == (None, b + c)
    eye.press("Control+z")
    eye.saved()
    assert counts(eye, "north", "south") == (b, c)

    eye.page.locator("[data-class=south]").focus()
    eye.press("Shift+R")
    expect(dialog(eye, "Rename a class").get_by_label("New name")).to_have_value("south")
    dialog(eye, "Rename a class").get_by_label("New name").fill("pole")
    eye.press("Enter")
    eye.saved()
    assert counts(eye, "south", "pole") == (None, c)

    eye.page.locator("[data-class=pole]").focus()
    eye.press("Shift+X")
    expect(dialog(eye, "Delete a class").get_by_text(f"{c} items lose this label")).to_be_visible()
    eye.press("Enter")
    eye.saved()
    assert counts(eye, "pole") == (None,)
    eye.press("Control+z")
    eye.saved()
    assert counts(eye, "north", "pole") == (b, c)


def test_a_line_of_the_history_is_chosen_by_arrows_and_reverted(eye: Eye, seeded: Seeded) -> None:
    d = len(seeded.ids[3])
    give(eye, seeded.ids[3], "earlier")
    give(eye, seeded.ids[2], "later")
    eye.press("Shift+H")
    lines = eye.page.get_by_role("region", name="History").locator("[data-event]")
    expect(lines.first.locator(".line")).to_be_focused()
    expect(lines.first).to_contain_text("“later”")
    eye.press("ArrowDown")
    expect(lines.nth(1)).to_contain_text(f"“earlier” on {d} items")
    eye.press("Shift+H")
    expect(lines.first).to_contain_text("reverted")
    eye.saved()
    assert counts(eye, "earlier", "later") == (None, len(seeded.ids[2]))
    newest, *_, reverted = eye.page.request.get(f"{eye.server.base}/api/history?limit=3").json()
    assert (newest["kind"], newest["target"], reverted["active"]) == ("revert", reverted["seq"], False)
    eye.press("Control+z")
    eye.saved()
    assert counts(eye, "earlier") == (d,)


def test_two_layers_lie_side_by_side_and_share_their_selection(eye: Eye, seeded: Seeded) -> None:
    eye.press("Shift+B")
    side = eye.page.locator(".side")
    expect(side.get_by_text("early", exact=True)).to_be_visible()
    expect(eye.page.locator(".side[data-map]")).to_be_visible(timeout=PATIENCE_MS)  # it has been drawn
    canvas = side.locator("canvas")
    before = eye.settled(canvas)
    n = len(seeded.ids[1])
    eye.lasso(seeded.ids[1])
    eye.drawn(selected=n)
    eye.until(lambda: canvas.screenshot() != before, "what is selected here to be so there")
    eye.press("Escape")
    eye.drawn(selected=0)
    box = canvas.bounding_box()
    assert box
    eye.press("b")
    eye.page.mouse.move(box["x"] + 4, box["y"] + 48)
    eye.page.mouse.down()
    eye.page.mouse.move(box["x"] + box["width"] - 4, box["y"] + box["height"] - 4, steps=4)
    eye.page.mouse.up()
    eye.drawn(selected=sum(map(len, seeded.ids)))  # and what is selected there is so here
    eye.name("both maps")
    eye.saved()
    assert counts(eye, "both maps") == (sum(map(len, seeded.ids)),)
    eye.press("Control+z")
    expect(eye.page.get_by_text("Undone")).to_be_visible()  # else it may come after what is said next
    eye.press("}")
    expect(side.get_by_text("late", exact=True)).to_be_visible()
    eye.press("Shift+B")
    expect(side).to_have_count(0)
    eye.press("}")
    expect(eye.page.get_by_text("Nothing is beside")).to_be_visible()


def test_keys_act_on_the_map_beside_where_the_pointer_or_the_keyboard_is(eye: Eye, seeded: Seeded) -> None:
    eye.press("Shift+B")
    expect(eye.page.locator(".side[data-map]")).to_be_visible(timeout=PATIENCE_MS)  # it has been drawn
    side = eye.page.locator(".side canvas")
    eye.settled(side)
    eye.lasso(seeded.ids[1])
    eye.drawn(selected=len(seeded.ids[1]))
    box = side.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    mouse = eye.page.mouse
    mouse.move(x - 90, y - 90)
    mouse.down()
    for corner in ((x + 90, y - 90), (x + 90, y + 90)):
        mouse.move(*corner, steps=4)
    outline = eye.page.locator(".side > svg")
    expect(outline).to_have_count(1)
    eye.press("Escape")
    expect(outline).to_have_count(0)  # given up, and the selection stays
    mouse.move(x - 90, y + 90, steps=4)
    mouse.up()
    eye.frames(12)
    eye.drawn(selected=len(seeded.ids[1]))

    here = eye.places(seeded.ids[0][:2])
    for key in ("+", "ArrowLeft", "f"):
        before = eye.settled(side)
        eye.press(key)
        eye.until(lambda before=before: side.screenshot() != before, f"{key} to move the map beside")
    assert eye.places(seeded.ids[0][:2]) == here
    left = eye.page.locator(".map > canvas").bounding_box()
    assert left
    mouse.move(left["x"] + 12, left["y"] + 12)  # where nothing lies that would be marked in both
    eye.page.wait_for_load_state("networkidle")
    eye.frames(60)
    before = eye.settled(side)
    eye.press("ArrowLeft")
    eye.still()
    assert eye.places(seeded.ids[0][:2]) != here
    assert eye.settled(side) == before
    eye.page.get_by_role("button", name="Close the map beside").focus()
    eye.press("ArrowLeft")
    eye.until(lambda: side.screenshot() != before, "the arrow to move the map that has the focus")


def test_filters_are_reached_turned_and_cleared(look: Look, seeded: Seeded) -> None:
    points = sum(map(len, seeded.ids))
    with Workspace.open(seeded.path) as workspace:
        workspace.label(seeded.ids[3], None)
    eye = opened(look, seeded, zero=0)
    eye.press("Shift+F")
    expect(eye.page.get_by_label("Text in the name")).to_be_focused()
    eye.page.keyboard.type("/001")
    eye.press("Enter")
    panel = eye.page.get_by_role("region", name="Look")
    expect(panel.get_by_text(f"40 of {points}")).to_be_visible()
    eye.press("Shift+L")
    chosen = panel.get_by_role("group", name="Labelled or not").locator("[aria-pressed=true]")
    expect(chosen).to_have_text("Unlabelled")
    unlabelled = eye.state()["items"]["embedded"] - eye.state()["labelled"]
    eye.press("Shift+L")
    expect(chosen).to_have_text("Labelled")
    eye.press("Control+a")
    table = eye.page.request.get(f"{eye.server.base}/api/export/labels.csv").text()
    labelled = [row["path"] for row in csv.DictReader(table.splitlines())]
    expected = sum("/001" in path for path in labelled)
    assert 10 <= expected <= 30
    eye.drawn(selected=expected)
    eye.press("Shift+U")
    expect(panel.get_by_role("list", name="Filters")).to_have_count(0)
    eye.press("Shift+L")
    eye.press("Control+a")
    assert unlabelled >= len(seeded.ids[3])
    eye.drawn(selected=unlabelled)
    eye.press("Shift+U")
    eye.press("Shift+U")
    expect(eye.page.get_by_text("Nothing is filtered")).to_be_visible()


def listed(eye: Eye, title: str) -> list[int]:
    """The items that the panel Find lists under this title, as far as they are drawn."""
    panel = eye.page.get_by_role("region", name="Find")
    expect(panel.get_by_role("heading", name=title)).to_be_visible()
    return [int(cell.get_attribute("data-found") or -1) for cell in panel.locator("[data-found]").all()]


def test_copies_outliers_and_odd_ones(look: Look, seeded: Seeded) -> None:
    eye = opened(look, seeded, teal=1, amber=2)
    eye.page.mouse.click(*eye.place(seeded.ids[1][5]))
    eye.drawn(selected=1)
    cell = eye.page.get_by_role("region", name="Selection").locator("[data-item]")
    wrong = int(cell.get_attribute("data-item") or -1)
    eye.name("amber")
    eye.saved()
    eye.press("Shift+D")
    ids, groups, _ = post(eye, "find", {"kind": "duplicates"}, "uif")
    assert listed(eye, "Near-duplicates") == ids[: len(listed(eye, "Near-duplicates"))]
    eye.press("Shift+A")
    eye.drawn(selected=len(ids) - len(set(groups)))

    eye.press("Shift+E")
    odd, *_ = post(eye, "find", {"kind": "odd"}, "uif")
    assert wrong in odd
    assert wrong in listed(eye, "Odd ones")
    eye.press("Shift+A")
    eye.drawn(selected=len(odd))

    eye.press("Shift+O")
    lonely, _, scores = post(eye, "find", {"kind": "outliers"}, "uif")
    assert scores == sorted(scores, reverse=True)
    assert len(lonely) > 0
    assert listed(eye, "Outliers") == lonely
    eye.press("Shift+A")
    eye.drawn(selected=len(lonely))
    eye.name("lonely")
    eye.saved()
    assert counts(eye, "lonely") == (len(lonely),)


def test_every_action_stands_on_the_sheet_and_takes_another_key(eye: Eye) -> None:
    eye.press("?")
    sheet = dialog(eye, "Keys")
    source = (Path(__file__).parents[2] / "web/src/ui/keys.ts").read_text()
    helps = re.findall(r'\{ action: "\w+", keys: \[.*?\], help: "(.*?)"', source)
    assert len(helps) > 50
    terms = [term.split("\n")[0].strip() for term in sheet.locator("dt").all_inner_texts()]
    assert set(helps) <= set(terms)
    sheet.locator("[data-action=outliers]").click()
    eye.press("Shift+S")
    expect(sheet.get_by_role("emphasis")).to_have_text("Shift S is the key of “Split the selection off”.")
    sheet.locator("[data-action=outliers]").click()
    eye.press("Shift+Z")
    eye.press("Escape")
    expect(sheet).to_have_count(0)
    eye.press("Shift+O")
    expect(eye.page.get_by_role("region", name="Find")).to_have_count(0)
    eye.press("Shift+Z")
    panel = eye.page.get_by_role("region", name="Find")
    expect(panel.get_by_role("button", name="Outliers")).to_contain_text("Shift Z")
    expect(panel.get_by_role("heading", name="Outliers")).to_be_visible()


def test_a_menu_closes_by_escape_and_leaves_the_keys_to_the_selection(eye: Eye, seeded: Seeded) -> None:
    n = len(seeded.ids[0])
    eye.lasso(seeded.ids[0])
    eye.drawn(selected=n)
    eye.page.locator("summary", has_text="Export").click()
    form = eye.page.get_by_role("link", name="CSV")
    expect(form).to_be_visible()
    eye.press("Escape")
    expect(form).to_be_hidden()
    assert eye.drawn()["selected"] == n
    eye.name("named after a menu")
    eye.saved()
    assert counts(eye, "named after a menu") == (n,)
    eye.press("Control+z")
    eye.saved()


def test_the_focus_ring_is_for_the_keyboard_only(look: Look, seeded: Seeded) -> None:
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    eye.lasso(seeded.ids[0])
    eye.drawn(selected=len(seeded.ids[0]))
    ring = "() => getComputedStyle(document.activeElement).outlineStyle"
    cells = eye.page.locator("[data-item]")
    for clicked in (eye.page.locator("summary", has_text="Export"), cells.nth(1)):
        clicked.click()
        assert eye.page.evaluate(ring) == "none"
    eye.page.get_by_role("navigation", name="Panels").get_by_role("button", name="Look").click()
    slider = eye.page.get_by_label("Layer on show")
    slider.click()
    expect(slider).to_be_focused()
    assert eye.page.evaluate(ring) == "none"
    eye.press("Tab")
    assert eye.page.evaluate(ring) == "solid"
    assert eye.page.evaluate("document.activeElement.matches(':focus-visible')")
