"""Rounds on the page: predictions are counted, accepted in bulk and taken back; one goes back and forth."""

import pytest
from playwright.sync_api import Route, expect
from tests.browser.page import PATIENCE_MS
from tests.seeded import save_round

from shoal.workspace import Learned, Workspace


@pytest.fixture
def learned(seeded):
    """The workspace holds a round before the page opens."""
    with Workspace.open(seeded.path) as workspace:
        row = save_round(workspace, seeded)
        found = workspace.rounds.predictions(row.id)
        sure = found.ids[(found.class_ids >= 0) & (found.confidence >= 0.95)]
        unlabelled = set(sure.tolist()) - set(workspace.labels())
        return row, len(unlabelled)


def test_accept_by_confidence_everywhere_and_take_it_back(learned, look):
    row, sure = learned
    eye = look()
    eye.whole_map(239)
    eye.press("r")
    panel = eye.page.get_by_role("region", name="Learn")
    expect(panel.get_by_role("button", name=f"Accept {sure}", exact=False).first).to_be_visible()
    eye.press("a")
    eye.saved()
    assert sum(eye.counts().values()) == 10 + sure
    newest = eye.page.request.get(f"{eye.server.base}/api/history").json()[0]
    assert (newest["how"], newest["round_id"], newest["count"]) == ("accept", row.id, sure)
    eye.press("Control+z")
    eye.saved()
    assert sum(eye.counts().values()) == 10


def test_what_a_filter_holds_back_is_not_accepted(learned, look, seeded):
    eye = look()
    eye.whole_map(239)
    eye.press("r")
    eye.accept_any()
    panel = eye.page.get_by_role("region", name="Learn")
    expect(panel.get_by_role("button", name="Accept 110", exact=False).first).to_be_visible()
    eye.press("o")
    look_panel = eye.page.get_by_role("region", name="Look")
    look_panel.get_by_label("Filter by").select_option(label="Folder")
    look_panel.get_by_role("button", name="group1").click()
    expect(look_panel.get_by_text("60 of 239")).to_be_visible()
    eye.press("r")
    expect(panel.get_by_text("in the filter", exact=True)).to_be_visible()
    expect(panel.get_by_role("button", name="Accept 55 in filter")).to_be_visible()
    expect(panel.get_by_role("button", name="as red")).to_have_count(0)
    eye.press("a")
    eye.saved()
    assert eye.counts() == {"red": 5, "teal": 60}
    eye.press("Control+z")
    eye.saved()
    eye.press("Shift+U")
    expect(panel.get_by_text("everywhere")).to_be_visible()
    expect(panel.get_by_role("button", name="Accept 110", exact=False).first).to_be_visible()


def test_the_same_predictions_are_not_accepted_twice_while_they_are_saved(learned, look):
    _, sure = learned
    eye = look()
    eye.whole_map(239)
    eye.press("r")
    button = eye.page.get_by_role("button", name=f"Accept {sure}", exact=False).first
    expect(button).to_be_visible()
    held = []

    def hold(route: Route) -> None:
        held.append(route)

    eye.page.route("**/api/accept", hold)
    eye.press("a")
    eye.until(lambda: bool(held), "the acceptance to be on its way")
    eye.press("a")
    expect(eye.page.get_by_text("That is still being saved.")).to_be_visible()
    held.pop().continue_()
    eye.page.unroute("**/api/accept", hold)
    eye.saved()
    assert sum(eye.counts().values()) == 10 + sure


def test_accept_one_class_inside_a_lasso(learned, look, seeded):
    eye = look()
    eye.whole_map(239)
    eye.press("r")
    eye.accept_any()
    eye.lasso(seeded.ids[1])
    eye.page.get_by_role("button", name="Accept 55 as teal").click()
    eye.saved()
    assert eye.counts() == {"red": 5, "teal": 60}


def test_reject_what_is_predicted_in_a_lasso_and_take_it_back(learned, look, seeded):
    eye = look()
    eye.whole_map(239)
    eye.press("r")
    panel = eye.page.get_by_role("region", name="Learn")
    eye.press(",")
    expect(eye.page.get_by_text("Nothing is selected: select the items whose predictions")).to_be_visible()
    eye.lasso(seeded.ids[1])
    expect(panel.get_by_role("button", name="Reject 55")).to_be_visible()
    eye.press(",")
    eye.saved()
    assert eye.state()["rejected"] == 55
    assert eye.counts() == {"red": 5, "teal": 5}
    teal = panel.get_by_role("button", name="Accept 0 as teal")
    eye.lasso(seeded.ids[1])
    expect(panel.get_by_role("button", name="Reject")).to_have_count(0)
    expect(teal).to_have_count(0)
    eye.press("Control+z")
    expect(panel.get_by_role("button", name="Reject 55")).to_be_visible()
    assert eye.state()["rejected"] == 0


def test_go_back_to_the_map_before_and_to_the_round_again(learned, look, seeded):
    row, _ = learned
    eye = look()
    eye.whole_map(239)
    eye.page.request.post(
        f"{eye.server.base}/api/maps/{seeded.map_id}/current", headers={"Origin": eye.server.base}
    )
    eye.drawn(map=seeded.map_id)
    eye.press("r")
    eye.page.get_by_role("button", name="Go back to round").or_(eye.page.locator(".past")).first.click()
    eye.drawn(map=row.map_id)
    assert eye.state()["round"]["id"] == row.id


def test_the_next_key_flies_to_a_group_that_nobody_has_labelled(learned, look, seeded):
    eye = look()
    eye.whole_map(239)
    eye.press("r")
    expect(eye.page.get_by_role("heading", name="Label next")).to_be_visible()
    eye.press(".")
    eye.page.wait_for_function("() => (window.__shoal?.drawn?.selected ?? 0) > 0", timeout=PATIENCE_MS)
    chosen = eye.drawn(labelled=10)["selected"]
    assert chosen >= 8
    eye.name("fresh")
    eye.saved()
    assert eye.counts()["fresh"] == chosen


def test_a_key_learns_and_the_map_re_forms_with_predictions(look, seeded):
    with Workspace.open(seeded.path) as workspace:
        for group, name in ((0, "red"), (1, "teal")):
            workspace.label(seeded.ids[group][:5], name)
    eye = look()
    eye.whole_map(239)
    eye.drawn(labelled=10)
    asked: list[str] = []
    eye.page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    eye.press("r")
    eye.press("e")
    # Impatient: the button does not become another one under the pointer, and a key says what is going on.
    panel = eye.page.get_by_role("region", name="Learn")
    button = panel.get_by_role("button", name="Learn", exact=False).first
    box = button.bounding_box()
    eye.page.mouse.dblclick(box["x"] + box["width"] / 3, box["y"] + box["height"] / 2)
    expect(panel.get_by_role("button", name="Learning…")).to_have_attribute("aria-busy", "true")
    expect(panel.get_by_role("button", name="Stop")).to_be_visible()
    eye.press("e")
    expect(eye.page.get_by_text("Learning already: one round at a time.")).to_be_visible()
    expect(eye.page.get_by_role("heading", name="Accept predictions")).to_be_visible(timeout=90_000)
    assert [url.endswith("/api/jobs") for url in asked if "/jobs" in url] == [True], asked
    expect(button).to_have_attribute("aria-busy", "false")
    learned = eye.state()["round"]
    assert (len(learned["classes"]), learned["loss"]) == (2, "silhouette")
    eye.drawn(map=learned["map_id"], labelled=10)


def test_two_groups_are_pulled_apart_and_one_key_leads_back(look, seeded):
    eye = look()
    eye.whole_map(239)
    for group in (0, 1):
        eye.lasso(seeded.ids[group])
        eye.drawn(selected=len(seeded.ids[group]))
        eye.press("u")
    eye.page.wait_for_function(f"() => window.__shoal.drawn.map > {seeded.map_id}", timeout=PATIENCE_MS)
    eye.drawn(selected=0)
    apart = eye.state()["map"]
    assert (apart["projector"], apart["parent"]) == ("apart", seeded.map_id)
    left = max(x for x, _ in eye.places(seeded.ids[0]))
    right = min(x for x, _ in eye.places(seeded.ids[1]))
    assert left < right
    eye.press("u")
    eye.drawn(map=seeded.map_id)


@pytest.mark.looks
def test_nothing_to_learn_from_is_said(look):
    eye = look()
    eye.whole_map(239)
    eye.press("r")
    few = eye.page.get_by_text("Label items of two classes first, or of one")
    expect(few).to_have_count(1)
    eye.press("e")
    expect(few).to_have_count(2)  # the panel's hint, and a notice
    assert eye.state()["job"] is None
    expect(eye.page.get_by_role("button", name="Learn", exact=False).last).to_be_visible()


def test_rounds_that_were_learned_in_different_ways_say_how(learned, look, seeded):
    first, _ = learned
    eye = look()
    eye.whole_map(239)
    eye.press("r")
    rows = eye.page.get_by_role("region", name="Rounds").get_by_role("listitem")
    expect(rows).to_have_count(1)
    expect(rows.first.locator(".lesson")).to_have_count(0)
    with Workspace.open(seeded.path) as workspace:
        report = {"held_out_accuracy": 0.95, "dimensions": 4, "head_recall": 0.875}
        workspace.rounds.save(
            Learned(
                map=workspace.map(first.map_id),
                predictions=workspace.rounds.predictions(first.id),
                model=b"weights",
                label_seq=workspace.log.seq(),
                parent=first.id,
                layer="early",
                loss="supcon",
                seed=0,
                classes=first.classes,
                report=report,
            )
        )
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("95 % +5")
    expect(rows.first.locator(".lesson")).to_have_text("supcon 4-d · early · head 87.5 %")
    expect(rows.last.locator(".lesson")).to_have_text("silhouette · late")


def test_one_class_can_be_learned_once_something_is_none_of_it(look, seeded):
    with Workspace.open(seeded.path) as workspace:
        workspace.label(seeded.ids[0][:5], "red")
    eye = look()
    eye.whole_map(239)
    eye.drawn(labelled=5)
    eye.press("r")
    button = (
        eye.page.get_by_role("region", name="Learn").get_by_role("button", name="Learn", exact=False).first
    )
    expect(button).to_be_disabled()
    with Workspace.open(seeded.path) as workspace:
        workspace.log.answer(seeded.ids[1][:5], "none", user="ada", how="key")
    expect(button).to_be_enabled()
    eye.press("e")
    expect(eye.page.get_by_role("heading", name="Accept predictions")).to_be_visible(timeout=90_000)
    assert len(eye.state()["round"]["classes"]) == 1
    expect(eye.page.get_by_role("region", name="Rounds").get_by_text("1 class")).to_be_visible()
