"""Looking as a person does: colours, filters, names of regions, labels against predictions."""

import math
from itertools import combinations

import numpy as np
import pytest
from playwright.sync_api import Locator, Route, expect
from tests.browser.conftest import Look
from tests.browser.page import PATIENCE_MS, Eye
from tests.seeded import Seeded, save_early, save_round, save_slips

from shoal.workspace import Workspace

INK = """(canvas) => {
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [canvas.width, canvas.height];
    const context = copy.getContext("2d", { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    const { data } = context.getImageData(0, 0, copy.width, copy.height);
    return data.reduce((sum, value, at) => (at % 4 === 3 ? sum + value : sum), 0);
}"""


def test_colours_by_folder_and_the_legend_selects(look: Look, seeded: Seeded) -> None:
    eye = look()
    points = sum(map(len, seeded.ids))
    eye.whole_map(points)
    eye.drawn(labelled=0)
    eye.press("o")
    panel = eye.page.get_by_role("region", name="Look")
    panel.get_by_label("Colour by").select_option(label="Folder")
    eye.drawn(labelled=points)  # every item has a colour
    legend = panel.get_by_role("list", name="Legend")
    expect(legend.get_by_role("listitem")).to_have_count(4)
    legend.get_by_role("button", name="group2").first.click()
    eye.drawn(selected=len(seeded.ids[2]))
    eye.name("two")
    eye.saved()
    assert eye.counts() == {"two": len(seeded.ids[2])}
    panel.get_by_label("Colour by").select_option(label="Width")
    expect(panel.get_by_text("640", exact=True)).to_be_visible()
    eye.press("c")
    eye.drawn(labelled=0)


def folder_alone(eye: Eye, name: str) -> Locator:
    """Open the panel Look, filter by a folder and return the panel."""
    eye.press("o")
    panel = eye.page.get_by_role("region", name="Look")
    panel.get_by_label("Filter by").select_option(label="Folder")
    panel.get_by_role("button", name=name).click()
    return panel


def test_a_filtered_lasso_takes_only_what_passes(look: Look, seeded: Seeded) -> None:
    eye = look()
    points = sum(map(len, seeded.ids))
    eye.whole_map(points)
    panel = folder_alone(eye, "group0")
    chips = panel.get_by_role("list", name="Filters")
    expect(chips.get_by_text("group0", exact=True)).to_be_visible()
    expect(panel.get_by_text(f"{len(seeded.ids[0])} of {points}")).to_be_visible()
    eye.lasso([*seeded.ids[0], *seeded.ids[1]])
    eye.drawn(selected=len(seeded.ids[0]), points=points)  # the others are dimmed, not gone
    eye.name("ours")
    eye.saved()
    assert eye.counts() == {"ours": len(seeded.ids[0])}
    panel.get_by_role("button", name="Unlabelled").click()
    expect(panel.get_by_text(f"0 of {points}")).to_be_visible()
    panel.get_by_role("button", name="Clear all").click()
    panel.get_by_label("Text in the name").fill("GROUP3/000")
    expect(chips.get_by_text("in the name").first).to_be_visible()
    eye.press("Tab")
    eye.page.locator(".map > canvas").click(position={"x": 5, "y": 200})
    eye.press("Control+a")
    expect(panel.get_by_text(f"10 of {points}")).to_be_visible()
    eye.drawn(selected=10)


def test_nothing_that_a_filter_holds_back_is_selected_in_any_way(look: Look, seeded: Seeded) -> None:
    with Workspace.open(seeded.path) as workspace:
        workspace.label(seeded.ids[1][:7], "both")
        workspace.label(seeded.ids[0][:3], "both")
    eye = look()
    points = sum(map(len, seeded.ids))
    eye.whole_map(points)
    panel = folder_alone(eye, "group0")
    ours = len(seeded.ids[0])
    expect(panel.get_by_text(f"{ours} of {points}")).to_be_visible()
    eye.page.locator("[data-class=both]").click()
    eye.drawn(selected=3)
    eye.press("i")
    eye.drawn(selected=ours - 3)
    eye.press("Escape")
    eye.drawn(selected=0)
    eye.page.mouse.click(*eye.place(seeded.ids[2][0]))
    expect(eye.page.get_by_text("The filter holds this item back.")).to_be_visible()
    panel.get_by_role("list", name="Legend").get_by_role("button", name="both").first.click()
    eye.drawn(selected=3)
    eye.name("mine")
    eye.saved()
    assert eye.counts() == {"both": 7, "mine": 3}


@pytest.mark.looks
def test_filters_survive_a_reload_and_only_in_their_tab(look: Look, seeded: Seeded) -> None:
    eye = look()
    points = sum(map(len, seeded.ids))
    eye.whole_map(points)
    panel = folder_alone(eye, "group0")
    panel.get_by_role("button", name="Unlabelled").click()
    passing = panel.get_by_text(f"{len(seeded.ids[0])} of {points}")
    expect(passing).to_be_visible()
    eye.page.reload()
    eye.drawn(points=points)
    expect(passing).to_be_visible()
    chips = panel.get_by_role("list", name="Filters")
    expect(chips.get_by_text("group0", exact=True)).to_be_visible()
    expect(chips.get_by_text("unlabelled", exact=True)).to_be_visible()
    eye.page.locator(".map > canvas").click(position={"x": 5, "y": 200})
    eye.press("Control+a")
    eye.drawn(selected=len(seeded.ids[0]))
    other = eye.page.context.new_page()
    other.goto(eye.server.base)
    expect(other.get_by_role("region", name="Look").get_by_text("Filter", exact=True)).to_be_visible()
    expect(other.get_by_role("list", name="Filters")).to_have_count(0)
    panel.get_by_role("button", name="Clear all").click()
    eye.page.reload()
    eye.drawn(points=points)
    expect(chips).to_have_count(0)


def test_names_of_regions_come_with_labels(look: Look, seeded: Seeded) -> None:
    names = ("north", "east", "south", "west")
    with Workspace.open(seeded.path) as workspace:
        for group, name in enumerate(names):
            workspace.label(seeded.ids[group], name)
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    labels = [eye.page.locator(f".name[data-name='{name}']") for name in names]
    for label in labels:
        expect(label).to_be_visible()

    def each_at_its_own() -> bool:
        places = [eye.places(ids) for ids in seeded.ids[:4]]
        centres = [tuple(sum(axis) / len(at) for axis in zip(*at, strict=True)) for at in places]
        nearest = [min(range(4), key=lambda k: math.dist(middle(label), centres[k])) for label in labels]
        return nearest == [0, 1, 2, 3]

    eye.until(each_at_its_own, "every name to lie at its own region")


def test_names_beside_lie_where_that_layer_has_its_items(look: Look, seeded: Seeded) -> None:
    names = ("north", "east", "south", "west")
    with Workspace.open(seeded.path) as workspace:
        for group, name in enumerate(names):
            workspace.label(seeded.ids[group], name)
        save_early(workspace, seeded)
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    eye.press("o")
    eye.page.get_by_label("Beside it").select_option("early")
    places = {}
    for where in (".map", ".side"):
        labels = [eye.page.locator(f"{where} .name[data-name='{name}']") for name in names]
        for label in labels:
            expect(label).to_be_visible()
        eye.still()
        places[where] = [middle(label) for label in labels]
    for one, other in combinations(range(4), 2):
        for axis in (0, 1):
            here, beside = (
                places[where][one][axis] - places[where][other][axis] for where in (".map", ".side")
            )
            assert abs(here) < 60 or here * beside < 0, (names[one], names[other])


def middle(part: Locator) -> tuple[float, float]:
    """Return the middle of a part of the page, in px of the window."""
    box = part.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_names_on_a_small_map_leave_most_of_it_free(look: Look, seeded: Seeded) -> None:
    with Workspace.open(seeded.path) as workspace:
        for group in range(4):
            workspace.label(seeded.ids[group][: 60 - 10 * group], f"a name that is long, number {group}")
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    names = eye.page.locator(".map .name[data-name]")
    expect(names).to_have_count(4)
    eye.press("o")
    eye.press("Shift+B")
    eye.page.locator(".side[data-map]").wait_for()
    expect(eye.page.locator(".map .name[data-name]")).to_have_count(2)
    places = np.array(eye.places([id for ids in seeded.ids for id in ids]))
    width, height = places.max(axis=0) - places.min(axis=0)
    boxes = [name.bounding_box() for name in names.all()]
    assert sum(box["width"] * box["height"] for box in boxes if box) < width * height / 4
    assert "number 0" in (names.first.get_attribute("data-name") or "")  # the heaviest stays


def test_names_and_overview_show_only_what_the_filters_let_through(look: Look, seeded: Seeded) -> None:
    with Workspace.open(seeded.path) as workspace:
        for group, name in enumerate(("north", "east")):
            workspace.label(seeded.ids[group], name)
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    names, overview = eye.page.locator(".name[data-name]"), eye.page.locator(".minimap > canvas")

    def named() -> set[str | None]:
        return {name.get_attribute("data-name") for name in names.all()}

    eye.until(lambda: named() == {"north", "east"}, "both names")
    eye.until(lambda: overview.evaluate(INK) > 0, "the overview")
    before = overview.evaluate(INK)
    eye.press("Shift+L")  # only what has no label, and so no name
    expect(names).to_have_count(0)
    eye.until(lambda: overview.evaluate(INK) < before, "the overview to hold back what the filter does")
    eye.press("Shift+U")
    eye.until(lambda: named() == {"north", "east"}, "both names again")
    eye.until(lambda: overview.evaluate(INK) == before, "the overview to show everything again")


def test_a_cell_of_the_confusion_matrix_selects_its_items(look: Look, seeded: Seeded) -> None:
    with Workspace.open(seeded.path) as workspace:
        learned = save_round(workspace, seeded)
        # What is labelled after the round says nothing about it, whatever it was predicted to be.
        workspace.label(seeded.ids[0][10:14], "red")
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    eye.press("q")
    panel = eye.page.get_by_role("region", name="Quality")
    expect(panel.locator("[data-labelled]")).to_have_text("14")
    expect(panel.get_by_text("90.0 % of 10 agree")).to_be_visible()
    expect(panel.get_by_text("was not given its label")).to_be_visible()
    expect(panel.get_by_text("4 items labelled since then")).to_be_visible()
    matrix = panel.get_by_role("table", name="Confusion matrix")
    expect(matrix.get_by_role("columnheader", name="red")).to_be_visible()
    red, teal = learned.classes[:2]
    expect(matrix.locator(f"[data-cell='{teal} {teal}']")).to_have_text("4")
    matrix.locator(f"[data-cell='{teal} {red}']").click()
    eye.drawn(selected=1)
    tray = eye.page.get_by_role("region", name="Selection")
    expect(tray.locator(f"[data-item='{seeded.ids[1][0]}']")).to_be_visible()
    matrix.locator(f"[data-cell='{red} {red}']").focus()
    eye.press("ArrowDown")
    expect(matrix.locator(f"[data-cell='{teal} {red}']")).to_be_focused()
    panel.get_by_role("list", name="Most often confused").get_by_role("button").click()
    eye.drawn(selected=1)
    eye.press("Escape")
    eye.press("o")
    colours = eye.page.get_by_role("region", name="Look").get_by_label("Colour by")
    colours.select_option(label="Where label and prediction disagree")
    legend = eye.page.get_by_role("list", name="Legend")
    expect(legend.get_by_role("listitem").filter(has_text="disagree")).to_contain_text("1")


def test_too_few_labels_waiting_and_failing_are_three_things(look: Look, seeded: Seeded) -> None:
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    eye.page.route("**/api/maps/*/quality", hold)
    eye.press("q")
    panel = eye.page.get_by_role("region", name="The map on show")
    expect(panel.get_by_role("status")).to_contain_text("Measuring")
    eye.until(lambda: bool(held), "the question to be on its way")
    eye.forgive("500")
    held.pop().fulfill(status=500, body="{}")
    expect(panel.get_by_role("alert")).to_contain_text("could not be judged")
    eye.page.unroute("**/api/maps/*/quality", hold)
    panel.get_by_role("button", name="Try again").click()
    expect(panel).to_contain_text("Too few labels to judge the map: 0 items of 0 classes")
    with Workspace.open(seeded.path) as workspace:
        for group, name in enumerate(("north", "east")):
            workspace.label(seeded.ids[group], name)
    # the page hears of what it did not do itself within some seconds, and waits for labels to pause
    expect(panel.locator("[data-silhouette]")).to_be_visible(timeout=PATIENCE_MS)


def test_the_matrix_of_many_classes_has_names_and_numbers(look: Look, seeded: Seeded) -> None:
    names = [f"class {n:02}" for n in range(24)]
    with Workspace.open(seeded.path) as workspace:
        save_slips(workspace, names)
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    eye.press("q")
    panel = eye.page.get_by_role("region", name="Quality")
    matrix = panel.get_by_role("table", name="Confusion matrix")
    expect(matrix.get_by_role("rowheader")).to_have_count(20)
    expect(panel.get_by_text("The 20 of 24 classes")).to_be_visible()
    expect(matrix.get_by_role("rowheader").first).to_have_text(names[23])  # it is confused most often
    pairs = panel.get_by_role("list", name="Most often confused").get_by_role("listitem")
    expect(pairs.first).to_contain_text(names[23])
    panel.get_by_role("button", name="Enlarge").click()
    sheet = eye.page.get_by_role("dialog")
    expect(sheet.get_by_role("columnheader", name=names[22])).to_be_visible()
    eye.press("y")  # no key of the page acts below
    sheet.get_by_role("table").get_by_role("button").first.click()
    expect(sheet).to_have_count(0)
