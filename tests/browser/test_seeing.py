"""What there is to see, on one labelled and learned pile: colours, tray and map, overview, progress, 4K."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Locator, expect
from tests.browser.conftest import Look
from tests.browser.page import Eye
from tests.browser.test_map import overlap
from tests.seeded import Seeded
from tests.server.test_finding_routes import unpack

from shoal.workspace import Workspace

pytestmark = pytest.mark.learned
COUNT = 239
WAYS = """() => {
    const ways = (window.ways = new Set());
    const look = () => {
        const at = window.__shoal.screenOf(0);
        ways.add(`${at.x.toFixed(1)} ${at.y.toFixed(1)}`);
        requestAnimationFrame(look);
    };
    look();
}"""


def opened(look: Look, **options: object) -> Eye:
    eye = look(**options)
    eye.whole_map(COUNT)
    return eye


def predictions(eye: Eye) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Class and confidence by item id, by the server."""
    round_id = eye.state()["round"]["id"]
    body = eye.page.request.get(f"{eye.server.base}/api/rounds/{round_id}/predictions").body()
    classes, confidence, _ = unpack(body, "ifi")
    return classes, confidence


def tray(eye: Eye) -> list[int]:
    """The items in the tray as far as they are drawn, in their order."""
    cells = eye.page.get_by_role("region", name="Selection").locator("[data-item]")
    cells.first.wait_for()
    return [int(cell.get_attribute("data-item") or -1) for cell in cells.all()]


def test_nothing_moves_where_a_person_wants_no_motion(look: Look) -> None:
    eye = opened(look, reduced_motion="reduce")
    eye.page.evaluate(WAYS)
    eye.press("w")
    eye.drawn(spread=True)
    assert eye.page.evaluate("window.ways.size") == 2
    eye.press("f")
    eye.press("+")
    eye.page.wait_for_function("() => window.ways.size >= 3")
    eye.still()
    assert eye.page.evaluate("window.ways.size") == 3
    eye.press("o")
    moving = eye.page.evaluate(
        """() => [...document.querySelectorAll("*")].map((one) => getComputedStyle(one))
            .filter((one) => one.animationName !== "none" || parseFloat(one.transitionDuration) > 0).length"""
    )
    assert moving == 0
    eye.page.emulate_media(reduced_motion="no-preference")
    eye.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))")
    most = 0
    for turn in range(6):  # a busy machine may draw no frame between the first and the last
        before = eye.page.evaluate("window.ways.size")
        eye.press("w")
        eye.drawn(spread=bool(turn % 2))
        most = max(most, eye.page.evaluate("window.ways.size") - before)
        if most > 1:
            break
    assert most > 1


def test_the_tray_by_doubt_begins_with_the_least_certain(look: Look, seeded: Seeded) -> None:
    eye = opened(look)
    eye.lasso(seeded.ids[1])
    eye.drawn(selected=len(seeded.ids[1]))
    centre = tray(eye)
    eye.press("d")
    expect(eye.page.get_by_role("button", name="Doubtful first")).to_be_visible()
    _, confidence = predictions(eye)
    expected = sorted(seeded.ids[1], key=lambda id: confidence[id])
    shown = tray(eye)
    assert len(shown) >= 12
    assert shown == expected[: len(shown)]
    eye.press("d")
    expect(eye.page.get_by_role("button", name="From the centre")).to_be_visible()
    assert tray(eye) == centre


def test_the_map_points_into_the_tray_and_the_tray_onto_the_map(look: Look, seeded: Seeded) -> None:
    eye = opened(look)
    chosen = [ids[0] for ids in seeded.ids[:3]]  # the lowest id of a group lies above the others
    eye.page.mouse.click(*eye.place(chosen[0]))
    eye.drawn(selected=1)
    eye.page.keyboard.down("Shift")
    for id in chosen[1:]:
        eye.page.mouse.click(*eye.place(id))
    eye.page.keyboard.up("Shift")
    eye.drawn(selected=3)
    assert sorted(tray(eye)) == sorted(chosen)
    lit = eye.page.locator("aside .lit")
    for id in chosen:
        eye.page.mouse.move(*eye.place(id))
        expect(lit).to_have_attribute("data-item", str(id))
        name = eye.page.request.get(f"{eye.server.base}/api/items/{id}").json()["name"]
        expect(eye.page.get_by_role("tooltip")).to_contain_text(name.split("/")[1])
    for id in chosen:
        eye.page.locator(f"aside [data-item='{id}']").hover()
        mark = eye.page.locator(".mark")
        expect(mark).to_be_visible()
        box = mark.bounding_box()
        assert box
        middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        assert math.dist(middle, eye.place(id)) < 2
    eye.page.mouse.move(640, 400)
    expect(lit).to_have_count(0)
    expect(mark).to_have_count(0)


def test_a_click_on_the_overview_moves_the_view_there(look: Look, seeded: Seeded) -> None:
    eye = opened(look, viewport={"width": 1440, "height": 900})
    eye.press("o")
    eye.page.get_by_role("region", name="Look").wait_for()
    eye.still()
    places = np.array(eye.places([id for group in seeded.ids for id in group]))
    canvas = eye.page.locator(".map > canvas").bounding_box()
    assert canvas
    target = np.mean(eye.places(seeded.ids[2]), axis=0)
    low, high = places.min(axis=0), places.max(axis=0)
    within = (target - (low + high) / 2) / (high - low).max() + 0.5  # of the overview's square
    eye.zoom(seeded.ids[0][0], 3)
    overview = eye.page.locator(".minimap")
    box = overview.bounding_box()
    assert box
    toolbar = eye.page.get_by_role("toolbar").bounding_box()
    assert toolbar
    assert not overlap(box, toolbar)
    edge = 7
    x, y = (
        box[axis] + edge + part * (box["width"] - 2 * edge) for axis, part in zip("xy", within, strict=True)
    )
    eye.page.mouse.click(x, y)
    middle = (canvas["x"] + canvas["width"] / 2, canvas["y"] + canvas["height"] / 2)
    eye.until(
        lambda: math.dist(np.mean(eye.places(seeded.ids[2]), axis=0), middle) < 25, "the view to be there"
    )
    eye.zoom(seeded.ids[2][0], 8)
    frame = overview.locator(".view").bounding_box()
    assert frame
    assert min(frame["width"], frame["height"]) >= 8, "however near, the overview says where"
    eye.press("Shift+V")
    expect(overview).to_have_count(0)


def test_a_drag_that_leaves_the_overview_goes_on(look: Look, seeded: Seeded) -> None:
    eye = opened(look, viewport={"width": 1440, "height": 900})
    eye.zoom(seeded.ids[0][0], 3)
    box = eye.page.locator(".minimap").bounding_box()
    canvas = eye.page.locator(".map > canvas").bounding_box()
    assert box
    assert canvas
    mouse = eye.page.mouse

    def left() -> float:
        return min(x for x, _ in eye.places([id for group in seeded.ids for id in group]))

    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    mouse.move(x, y)
    mouse.down()
    eye.still()
    before = left()
    beyond = box["x"] - 60 if box["x"] > canvas["x"] + 60 else box["x"] + box["width"] + 60
    for where in (x, beyond, beyond):
        mouse.move(where, y, steps=3)
    eye.still()
    at_the_edge = left()
    assert abs(at_the_edge - before) > 200
    mouse.move(x, y - 400, steps=3)  # above it, as far to the side as it began
    eye.until(lambda: abs(left() - before) < 25, "the view to follow from outside the overview")
    mouse.up()


INKED = """(canvas) => {
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [canvas.width, canvas.height];
    const context = copy.getContext("2d", { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    const { data } = context.getImageData(0, 0, copy.width, copy.height);
    const at = [];
    for (let i = 3; i < data.length; i += 4) if (data[i] > 0) at.push((i - 3) / 4);
    return at.map((one) => [(one % copy.width) / copy.width, Math.floor(one / copy.width) / copy.height]);
}"""


def test_the_overview_shows_where_the_selection_lies(look: Look, seeded: Seeded) -> None:
    eye = opened(look)
    places = np.array(eye.places([id for group in seeded.ids for id in group]))
    low, high = places.min(axis=0), places.max(axis=0)
    expected = [
        (np.array(eye.places(seeded.ids[group])) - (low + high) / 2) / (high - low).max() + 0.5
        for group in range(2)
    ]
    selected = eye.page.locator(".minimap > canvas.selected")
    expect(selected).to_have_count(0)
    for group in range(2):
        eye.press("f")
        eye.still()
        eye.lasso(seeded.ids[group])
        eye.drawn(selected=len(seeded.ids[group]))
        eye.zoom(seeded.ids[3][0], 4)
        eye.until(lambda: len(selected.evaluate(INKED)) > 30, "the selection's dots")
        inked = np.array(selected.evaluate(INKED))
        assert np.abs(inked.mean(axis=0) - expected[group].mean(axis=0)).max() < 0.05
        assert (inked >= expected[group].min(axis=0) - 0.06).all()
        assert (inked <= expected[group].max(axis=0) + 0.06).all()
        eye.press("Escape")
        expect(selected).to_have_count(0)


@pytest.mark.parametrize(
    ("width", "beside"), [(1280, False), (1280, True), (390, False)], ids=["laptop", "side by side", "phone"]
)
def test_a_notice_the_overview_and_the_tools_leave_each_other_free(
    look: Look, seeded: Seeded, width: int, beside: bool
) -> None:
    phone = width < 720
    eye = opened(look, viewport={"width": width, "height": 800}, has_touch=phone, is_mobile=phone)
    if beside:
        eye.press("o")
        eye.press("Shift+B")
        eye.page.locator(".side[data-map]").wait_for()
        eye.still()
    eye.page.keyboard.press("+")
    eye.page.keyboard.press("+")
    eye.still()
    eye.press("t")  # there is no map to flip to, which is said
    parts = [eye.page.locator(".pane").locator(one) for one in (".notice", ".minimap.zoomed", ".toolbar")]
    boxes = []
    for part in parts:
        expect(part).to_be_visible()
        box = part.bounding_box()
        assert box
        boxes.append(box)
    notice, overview, toolbar = boxes
    assert not overlap(notice, overview)
    assert not overlap(notice, toolbar)
    assert not overlap(overview, toolbar)


def test_colours_of_what_was_learned(look: Look, seeded: Seeded) -> None:
    eye = opened(look)
    classes, confidence = predictions(eye)
    eye.press("o")
    panel = eye.page.get_by_role("region", name="Look")
    legend = panel.get_by_role("list", name="Legend")
    colours = panel.get_by_label("Colour by")
    eye.press("Shift+C")
    expect(colours.locator("option:checked")).to_have_text("Prediction")
    eye.drawn(labelled=int((classes >= 0).sum()))  # so many have a colour
    legend.get_by_role("button", name="teal").click()
    eye.drawn(selected=int((classes == 1).sum()))
    assert set(tray(eye)) <= set(np.flatnonzero(classes == 1).tolist())
    eye.press("Escape")

    eye.press("Shift+C")
    expect(colours.locator("option:checked")).to_have_text("Confidence")
    eye.drawn(labelled=int((classes >= 0).sum()))
    known = np.sort(confidence[classes >= 0])
    ends = [known[round(part * (len(known) - 1))] for part in (0.01, 0.99)]
    for end in ends:
        expect(panel.get_by_text(f"{math.floor(100 * end + 0.5)} %", exact=True)).to_be_visible()

    mistaken = [seeded.ids[1][0], *seeded.ids[1][10:13]]  # the first one's held-out answer is another class
    with Workspace.open(seeded.path) as workspace:
        workspace.label(mistaken[1:], "red")
        try:
            colours.select_option(label="Where label and prediction disagree")
            expect(legend.get_by_role("button", name="disagree").first).to_contain_text("4")
            legend.get_by_role("button", name="disagree").first.click()
            eye.drawn(selected=4)
            assert sorted(tray(eye)) == mistaken
        finally:
            workspace.undo()
    eye.press("Escape")
    eye.press("Shift+C")
    expect(colours.locator("option:checked")).to_have_text("Folder")
    eye.drawn(labelled=COUNT)


def test_a_class_has_its_shape_wherever_it_is_shown(look: Look, seeded: Seeded) -> None:
    eye = opened(look)
    eye.forgive("404")  # painted pictures have no file behind them
    page = eye.page
    chip = "svg[viewBox='0 0 12 12'] path"
    name = eye.state()["classes"][1]["name"]
    shape = page.locator(f"[data-class='{name}'] {chip}").get_attribute("d")
    first = page.locator(f"[data-class='{eye.state()['classes'][0]['name']}'] {chip}").get_attribute("d")
    assert shape != first

    def shows(part: Locator) -> None:
        expect(part.locator(chip)).to_have_attribute("d", shape or "")

    one = next(id for id, given in eye.labels().items() if given == name)
    page.mouse.move(*eye.place(one))
    shows(page.get_by_role("tooltip"))
    eye.press("m")
    found = page.locator("[data-found]")
    found.first.wait_for()
    ids = [int(cell.get_attribute("data-found") or -1) for cell in found.all()]
    alike = next(id for id in ids if eye.labels().get(id) == name)
    shows(page.locator(f"[data-found='{alike}']"))
    eye.press("r")
    shows(page.get_by_role("list", name="Predictions by class").get_by_role("listitem").filter(has_text=name))
    eye.press("Shift+F")
    panel = page.get_by_role("region", name="Look")
    panel.get_by_label("Filter by").select_option(label="Class")
    shows(panel.locator(".options button").filter(has_text=name))
    page.mouse.dblclick(*eye.place(one))
    shows(page.get_by_role("dialog"))


def test_progress_counts_and_labels_a_minute_are_live(look: Look, seeded: Seeded) -> None:
    eye = opened(look)
    eye.press("q")
    panel = eye.page.get_by_role("region", name="Quality")
    done = panel.locator("[data-labelled]")
    before = eye.state()["labelled"]
    expect(done).to_have_text(str(before))
    expect(panel.get_by_text(f"{before} of {COUNT} labelled")).to_be_visible()
    n = len(seeded.ids[3])
    eye.lasso(seeded.ids[3])
    eye.drawn(selected=n)
    eye.name("fresh")
    expect(done).to_have_text(str(before + n))
    eye.saved()
    assert eye.state()["labelled"] == before + n
    with Workspace.open(seeded.path) as workspace:  # somebody else, elsewhere
        workspace.label(seeded.ids[2][:20], "fresh")
    expect(done).to_have_text(str(before + n + 20))
    rate = panel.locator(".rate b")
    history = eye.page.request.get(f"{eye.server.base}/api/history?limit=1000").json()
    made = sum(line["count"] for line in history if line["kind"] == "label" and line["active"])
    expect(rate).to_have_text(str(math.floor(made / 5 + 0.5)))
    with Workspace.open(seeded.path) as workspace:
        workspace.undo()
    eye.press("Control+z")
    eye.saved()
    expect(done).to_have_text(str(before))
    expect(rate).to_have_text(str(math.floor((made - n - 20) / 5 + 0.5)))


def test_how_well_the_map_on_show_keeps_classes_apart(look: Look, seeded: Seeded) -> None:
    eye = opened(look)
    eye.press("q")
    panel = eye.page.get_by_role("region", name="Quality")
    shown = panel.locator("[data-silhouette]")
    values = []
    for ids, name in ((seeded.ids[2][:30], "amber"), (seeded.ids[0][20:50], "amber")):
        with Workspace.open(seeded.path) as workspace:
            workspace.label(ids, name)
        labelled = eye.state()["labelled"]
        expect(panel.locator("[data-labelled]")).to_have_text(str(labelled))
        judged = eye.page.request.get(f"{eye.server.base}/api/maps/{eye.state()['map']['id']}/quality").json()
        values.append(judged["silhouette"])
        expect(shown).to_have_text(f"{judged['silhouette']:.2f}", timeout=15_000)
        expect(panel.get_by_text(f"{100 * judged['map_accuracy']:.1f} %").first).to_be_visible()
    assert values[0] > 0.5 > values[1]  # the second lies in two groups
    with Workspace.open(seeded.path) as workspace:
        workspace.undo()
        workspace.undo()


CUT = """([width, height]) => [...document.querySelectorAll("header, nav, aside, .panel, .map, dialog")]
    .flatMap((one) => [...one.querySelectorAll("*")])
    // What is shortened may be, where its title says all of it.
    .filter((one) => one.checkVisibility() && !one.closest(".scroll, .unseen, svg, [title] .truncate"))
    .filter((one) => {
        const { left, top, right, bottom } = one.getBoundingClientRect();
        const cut = one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX === "hidden";
        const outside = left < -1 || top < -1 || right > width + 1 || bottom > height + 1;
        return right > left && (outside || cut);
    })
    .map((one) => `${one.tagName}.${one.className} ${one.textContent.trim().slice(0, 40)}`)"""
WHOLE = "() => { const one = document.querySelector('dialog'); return one.scrollHeight <= one.clientHeight }"


def test_nothing_is_cut_at_4k(look: Look, seeded: Seeded) -> None:
    size = {"width": 3840, "height": 2160}
    eye = opened(look, viewport=size, device_scale_factor=1)
    n = len(seeded.ids[0])
    eye.lasso(seeded.ids[0])
    eye.drawn(selected=n, visible=COUNT)
    cut = {}
    for panel, key in (("Learn", "r"), ("Look", "o"), ("Find", "k"), ("Quality", "q"), ("History", "h")):
        eye.press(key)
        expect(eye.page.get_by_role("region", name=panel, exact=True)).to_be_visible()
        eye.still()
        cut[panel] = eye.page.evaluate(CUT, [size["width"], size["height"]])
    eye.press("?")
    cut["keys"] = eye.page.evaluate(CUT, [size["width"], size["height"]])
    assert eye.page.evaluate(WHOLE)
    eye.press("Escape")
    assert {place: wrong for place, wrong in cut.items() if wrong} == {}
    assert eye.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    canvas = eye.page.locator(".map > canvas").bounding_box()
    assert canvas
    assert canvas["width"] > 2800
    assert eye.page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)") >= 16
    eye.name("large")
    eye.saved()
    assert eye.counts()["large"] == n
    eye.press("Control+z")
    eye.saved()
