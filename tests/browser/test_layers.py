"""Layers as a person looks at them: on a slider, side by side, drawn where they have to be, and stopped."""

from dataclasses import replace

import pytest
from playwright.sync_api import Route, expect
from tests.browser.conftest import Look
from tests.browser.page import Eye
from tests.seeded import Seeded, save_early

from shoal.types import ROUND, Map, Progress
from shoal.workspace import Workspace

SAYINGS = """() => {
    const said = (window.said = new Set());
    const header = document.querySelector("header");
    const texts = () => [...header.querySelectorAll(".job .text")].map((one) => one.textContent.trim());
    const look = () => texts().forEach((one) => said.add(one));
    new MutationObserver(look).observe(header, { subtree: true, childList: true, characterData: true });
}"""


def ask(eye: Eye, path: str) -> list[dict]:
    """What the server answers."""
    return eye.page.request.get(f"{eye.server.base}/api/{path}").json()


def test_layers_slide_flip_and_lie_side_by_side(look: Look, seeded: Seeded) -> None:
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    eye.press("o")
    slider = eye.page.get_by_label("Layer on show")
    expect(slider).to_have_attribute("aria-valuetext", "late")
    before = eye.place(seeded.ids[0][0])
    eye.press("[")
    eye.page.wait_for_function("(id) => window.__shoal.drawn?.map > id", arg=seeded.map_id)
    early = ask(eye, "layers")[0]
    assert early["name"] == "early"
    eye.drawn(map=early["map"]["id"])
    assert eye.state()["map"]["id"] == seeded.map_id  # a view of this page, not everybody's map
    assert eye.place(seeded.ids[0][0]) != pytest.approx(before)
    eye.press("t")
    eye.drawn(map=seeded.map_id)
    assert eye.place(seeded.ids[0][0]) == pytest.approx(before)
    expect(slider).to_have_attribute("aria-valuetext", "late")
    eye.press("[")
    eye.drawn(map=early["map"]["id"])
    assert ask(eye, "jobs")[0]["id"] == 1  # it was kept: nobody drew it again
    eye.press("]")
    eye.drawn(map=seeded.map_id)
    eye.page.get_by_label("Beside it").select_option("early")
    side = eye.page.locator(".side canvas")
    expect(eye.page.locator(f".side[data-map='{early['map']['id']}']")).to_be_visible()
    eye.settled(side)
    box = side.bounding_box()
    assert box
    eye.page.mouse.move(box["x"] + 8, box["y"] + 60)
    eye.page.mouse.down()
    for x, y in ((0.98, 0.1), (0.98, 0.97), (0.02, 0.97), (0.02, 0.1)):
        eye.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
    eye.page.mouse.up()
    eye.drawn(selected=sum(map(len, seeded.ids)))  # what is lassoed there is selected here


def test_after_a_round_the_slider_leads_back_to_its_map(look: Look, seeded: Seeded) -> None:
    with Workspace.open(seeded.path) as workspace:
        late = workspace.map(seeded.map_id)
        assert late
        other = save_early(workspace, seeded)
        learned = replace(late.origin, projector=ROUND)
        now = workspace.save_map(Map(late.xy[:, ::-1].copy(), late.ids, learned), final=True)
    eye = look()
    eye.whole_map(len(late.ids))
    eye.press("o")
    slider = eye.page.get_by_label("Layer on show")
    expect(slider).to_have_attribute("aria-valuetext", "as learned")
    for key, name, map_id in (
        ("[", "late", seeded.map_id),
        ("[", "early", other),
        ("]", "late", seeded.map_id),
        ("]", "as learned", now),
        ("[", "late", seeded.map_id),
        ("t", "as learned", now),
        ("[", "late", seeded.map_id),
    ):
        eye.press(key)
        eye.drawn(map=map_id)
        expect(slider).to_have_attribute("aria-valuetext", name)
    assert ask(eye, "jobs") == []  # every map was there


def test_the_bar_says_all_the_while_which_layer_is_drawn(look: Look, seeded: Seeded) -> None:
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    eye.page.evaluate(SAYINGS)
    eye.press("[")
    eye.page.wait_for_function("(id) => window.__shoal.drawn?.map > id", arg=seeded.map_id)
    said = eye.page.evaluate("[...window.said]")
    assert said
    assert all(one.startswith("Drawing the map of layer early") for one in said), said


def test_the_drawing_of_a_layer_says_how_far_it_is_and_can_be_stopped(look: Look, seeded: Seeded) -> None:
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    with Workspace.open(seeded.path) as workspace:

        def take(route: Route) -> None:
            """Be the job, which would otherwise be over before anybody could stop it."""
            workspace.jobs.heartbeat(
                workspace.jobs.create("layer_map", {"layer": "early"}), Progress(0, 0, "starting")
            )
            route.fulfill(status=202, json=ask(eye, "jobs")[0])

        eye.page.route("**/api/jobs", take, times=1)
        eye.press("Shift+B")
        expect(eye.page.get_by_text("Drawing the map of layer early")).to_be_visible()
        job = ask(eye, "jobs")[0]["id"]
        step = Progress(60, 250, "drawing the map of layer early: laying out")
        workspace.jobs.heartbeat(job, step)
        bar = eye.page.get_by_role("banner")
        expect(bar.get_by_role("status").first).to_have_text("Drawing the map of layer early: laying out")
        expect(bar.get_by_text("60 / 250")).to_be_visible()
        expect(bar.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "60")
        eye.page.get_by_role("banner").get_by_role("button", name="Stop").click()
        eye.until(lambda: workspace.jobs.cancel_requested(job), "the job to be asked to stop")
        workspace.jobs.finish(job, "cancelled", "stopped; the same command goes on where it was")
    expect(eye.page.get_by_text("Stopped: the map of layer early was not drawn.")).to_be_visible()
    expect(eye.page.locator(".side")).to_have_count(0)
