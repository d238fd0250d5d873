"""Classes by menu and key, answers, history, several tabs and people, keys of one's own."""

import time

import numpy as np
import pytest
from playwright.sync_api import Route, expect
from tests.browser.conftest import Look
from tests.browser.page import STILL_FRAMES, Eye
from tests.seeded import Seeded


def labelled(look: Look, seeded: Seeded, *names: str) -> Eye:
    """A page with a class for each of the first groups."""
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    for group, name in enumerate(names):
        eye.lasso(seeded.ids[group])
        eye.drawn(selected=len(seeded.ids[group]))
        eye.name(name)
        eye.saved()
    return eye


def menu(eye: Eye, name: str, *items: str) -> None:
    eye.page.locator(f"[data-class='{name}']").click(button="right")
    for item in items:
        eye.page.get_by_role("menuitem", name=item).click()


def test_a_class_made_by_a_label_goes_and_comes_with_it(look: Look, seeded: Seeded) -> None:
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    for group, name in ((0, "kept"), (1, "mistyped")):
        eye.lasso(seeded.ids[group])
        eye.drawn(selected=len(seeded.ids[group]))
        eye.name(name)
    eye.saved()
    mistyped = eye.page.locator("[data-class=mistyped]")
    expect(mistyped).to_be_visible()
    eye.press("Control+z")
    eye.drawn(labelled=len(seeded.ids[0]))
    expect(mistyped).to_have_count(0)
    eye.saved()
    eye.page.reload()
    eye.drawn(labelled=len(seeded.ids[0]))
    expect(eye.page.locator("[data-class=kept]")).to_be_visible()
    expect(mistyped).to_have_count(0)
    eye.press("Control+Shift+z")
    expect(mistyped).to_be_visible()
    eye.saved()
    assert eye.counts() == {"kept": len(seeded.ids[0]), "mistyped": len(seeded.ids[1])}


def test_a_new_class_has_its_colour_from_the_first_moment(look: Look, seeded: Seeded) -> None:
    eye = labelled(look, seeded, "kept", "mistyped")
    eye.press("Control+z")
    eye.saved()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    eye.page.route("**/api/labels", hold)
    eye.lasso(seeded.ids[2])
    eye.drawn(selected=len(seeded.ids[2]))
    eye.name("right")
    chip = eye.page.locator("[data-class=right] svg")
    expect(eye.page.locator("[data-class=right] .provisional")).to_be_visible()
    eye.until(lambda: bool(held), "the label to be on its way")
    before = chip.evaluate("(one) => one.outerHTML")
    held.pop().continue_()
    eye.page.unroute("**/api/labels", hold)
    eye.saved()
    expect(eye.page.locator("[data-class=right] .provisional")).to_have_count(0)
    assert chip.evaluate("(one) => one.outerHTML") == before


def test_a_class_is_renamed_merged_deleted_and_undone(look: Look, seeded: Seeded) -> None:
    eye = labelled(look, seeded, "disc", "plate")
    a, b = (len(seeded.ids[group]) for group in (0, 1))

    menu(eye, "disc", "Rename")
    eye.page.keyboard.type("coin")
    eye.press("Enter")
    eye.saved()
    assert eye.counts() == {"coin": a, "plate": b}

    eye.page.locator("[data-class=coin]").focus()
    eye.press("F2")
    eye.page.keyboard.type("plate")
    eye.press("Enter")
    expect(eye.page.get_by_text("merge the two")).to_be_visible()
    assert eye.counts() == {"coin": a, "plate": b}

    menu(eye, "coin", "Merge into…")
    eye.page.locator("[data-into=plate]").click()
    expect(eye.page.locator("[data-class=coin]")).to_have_count(0)
    eye.saved()
    assert eye.counts() == {"plate": a + b}

    menu(eye, "plate", "Colour…")
    eye.page.get_by_role("menuitemradio", name="Colour 3,").click()
    menu(eye, "plate", "Key…")
    eye.page.get_by_role("menuitemradio", name="Key 7").click()
    eye.saved()
    [plate] = eye.state()["classes"]
    assert (plate["colour"], plate["key"]) == ("#ff5c8a", 7)

    eye.page.locator("[data-class=plate]").focus()
    eye.press("Delete")
    eye.drawn(labelled=0)
    eye.saved()
    assert eye.counts() == {}
    merged = {"plate": a + b}
    for expected in (merged, merged, merged, {"coin": a, "plate": b}, {"disc": a, "plate": b}):
        eye.press("Control+z")
        eye.saved()
        assert eye.counts() == expected
    expect(eye.page.locator("[data-class=disc]")).to_be_visible()


def test_none_of_these_and_put_aside(look: Look, seeded: Seeded) -> None:
    eye = labelled(look, seeded, "disc")
    eye.lasso(seeded.ids[1])
    eye.press("n")
    eye.lasso(seeded.ids[2])
    eye.press("s")
    eye.saved()
    state = eye.state()
    assert (state["none_of_these"], state["put_aside"]) == (len(seeded.ids[1]), len(seeded.ids[2]))
    eye.page.locator("[data-answer=skip]").click()
    eye.drawn(selected=len(seeded.ids[2]))
    export = eye.page.request.get(f"{eye.server.base}/api/export/labels.csv").text()
    assert export.count("none of these") == len(seeded.ids[1])
    eye.press("Control+z")
    eye.saved()
    assert eye.state()["put_aside"] == 0


def test_history_shows_who_did_what_and_reverts_one(look: Look, seeded: Seeded) -> None:
    eye = labelled(look, seeded, "disc", "plate")
    a, b = (len(seeded.ids[group]) for group in (0, 1))
    eye.press("h")
    panel = eye.page.get_by_role("region", name="History")
    lines = panel.locator("[data-event]")
    expect(lines).to_have_count(2)
    expect(lines.first).to_contain_text(f"“plate” on {b} items")
    expect(lines.first).to_contain_text("just now · lasso")
    lines.last.locator(".line").click()
    eye.drawn(selected=a)
    lines.last.hover()
    lines.last.get_by_role("button", name="Revert").click()
    expect(lines).to_have_count(3)
    eye.saved()
    assert eye.counts() == {"plate": b}
    expect(panel.locator("[data-event='1']")).to_contain_text("taken back")
    panel.get_by_label("Class").select_option(label="plate")
    expect(lines).to_have_count(1)
    eye.press("Escape")
    eye.page.locator("canvas").first.focus()
    eye.press("Control+z")
    expect(eye.page.locator(".notice")).to_contain_text(f"Labelled again: “disc” on {a} items")
    eye.saved()
    assert eye.counts() == {"disc": a, "plate": b}


def test_a_label_with_a_class_that_is_gone_meanwhile_says_that_it_is_made_anew(
    look: Look, seeded: Seeded
) -> None:
    eye = labelled(look, seeded, "disc")
    eye.forgive("ERR_", "Failed to load")
    eye.page.context.set_offline(True)
    eye.lasso(seeded.ids[1])
    eye.press("1")
    expect(eye.page.locator("[data-pending]")).to_contain_text("1")
    body = {"request_id": "gone-0001", "class_id": 0, "change": {"kind": "delete"}}
    assert eye.page.request.post(f"{eye.server.base}/api/classes/change", data=body).ok
    eye.page.context.set_offline(False)
    expect(eye.page.locator(".notice")).to_contain_text("made anew", timeout=15_000)
    eye.page.locator(".notice .undo").click()
    eye.saved()
    assert eye.counts() == {}


def test_a_name_that_reads_like_another_is_told(look: Look, seeded: Seeded) -> None:
    eye = labelled(look, seeded, "disc")
    eye.lasso(seeded.ids[1])
    eye.page.get_by_label("Class for the selection").fill("Disc")
    expect(eye.page.get_by_text("beside “disc”")).to_be_visible()
    eye.press("Enter")
    expect(eye.page.locator(".notice")).to_contain_text("“Disc”, beside “disc”")


def test_the_undo_of_a_notice_is_of_what_the_notice_tells(look: Look, seeded: Seeded) -> None:
    eye = labelled(look, seeded, "disc")
    other = Eye(eye.page.context.new_page(), eye.server).open()
    other.drawn(labelled=len(seeded.ids[0]))
    other.lasso(seeded.ids[1])
    other.name("plate")
    other.saved()
    eye.page.bring_to_front()
    eye.page.locator(".notice .undo").click()
    expect(eye.page.locator(".notice")).to_contain_text("Undone: “disc” on")
    eye.saved()
    assert eye.counts() == {"plate": len(seeded.ids[1])}


def test_the_undo_of_a_notice_works_before_the_server_has_the_gesture(look: Look, seeded: Seeded) -> None:
    eye = look()
    eye.forgive("ERR_", "Failed")
    eye.whole_map(sum(map(len, seeded.ids)))
    eye.page.context.set_offline(True)
    for group, name in ((0, "disc"), (1, "plate")):
        eye.lasso(seeded.ids[group])
        eye.name(name)
    eye.drawn(labelled=len(seeded.ids[0]) + len(seeded.ids[1]))
    eye.page.locator(".notice .undo").click()
    eye.drawn(labelled=len(seeded.ids[0]))
    eye.page.context.set_offline(False)
    eye.saved()
    assert eye.counts() == {"disc": len(seeded.ids[0])}


def test_a_long_notice_keeps_its_button_whole(look: Look, seeded: Seeded) -> None:
    eye = labelled(look, seeded, "a name that goes on and on, " * 7)
    undo = eye.page.locator(".notice .undo").bounding_box()
    assert undo
    assert undo["width"] > 1.6 * undo["height"], "its word stands in one line"


LIT = """(list) => [...list.querySelectorAll("li")].flatMap((one) => {
    const revert = one.querySelector(".revert");
    const lit = getComputedStyle(one).backgroundColor !== "rgba(0, 0, 0, 0)";
    return lit || (revert && getComputedStyle(revert).opacity !== "0") ? [one.dataset.event] : [];
})"""


def test_a_line_that_slides_under_the_pointer_is_not_pointed_at(look: Look, seeded: Seeded) -> None:
    eye = labelled(look, seeded, "disc", "plate", "cup")
    eye.press("h")
    lines = eye.page.get_by_role("region", name="History").locator("[data-event]")
    expect(lines).to_have_count(3)
    lines.nth(1).hover()
    assert lines.first.locator("..").evaluate(LIT) == ["2"]
    lines.nth(1).get_by_role("button", name="Revert").click()
    expect(lines).to_have_count(4)
    eye.frames(STILL_FRAMES)
    assert lines.first.locator("..").evaluate(LIT) == []
    eye.page.mouse.down()
    eye.page.mouse.up()
    eye.frames(STILL_FRAMES)
    eye.saved()  # what has come to where the click was is not reverted by another
    assert eye.counts() == {"disc": len(seeded.ids[0]), "cup": len(seeded.ids[2])}
    box = lines.nth(1).bounding_box()
    assert box
    eye.page.mouse.move(box["x"] + 30, box["y"] + 12)
    eye.until(
        lambda: lines.first.locator("..").evaluate(LIT) == ["3"], "the line under the pointer to be lit"
    )


def test_a_line_of_the_history_brings_its_items_into_view(look: Look, seeded: Seeded) -> None:
    eye = labelled(look, seeded, "disc", "plate")
    eye.zoom(seeded.ids[2][0], 6)
    canvas = eye.page.locator(".map > canvas")

    def seen(group: int) -> bool:
        box = canvas.bounding_box()
        assert box
        x, y = np.array(eye.places(seeded.ids[group])).T
        across = (x > box["x"]) & (x < box["x"] + box["width"])
        down = (y > box["y"]) & (y < box["y"] + box["height"])
        return bool((across & down).all())

    eye.press("h")
    lines = eye.page.get_by_role("region", name="History").locator("[data-event]")
    expect(lines).to_have_count(2)
    eye.still()
    assert not seen(0), "looked at is another corner"
    lines.last.locator(".line").click()
    eye.drawn(selected=len(seeded.ids[0]))
    eye.until(lambda: seen(0), "the map to fly there")
    eye.still()
    place = eye.place(seeded.ids[0][0])
    eye.press("Escape")
    lines.last.locator(".line").click()
    eye.drawn(selected=len(seeded.ids[0]))
    eye.frames(30)
    assert eye.place(seeded.ids[0][0]) == pytest.approx(place), "what is seen already is not flown to"


@pytest.mark.alone
def test_two_people_see_each_other_and_undo_their_own(look: Look, seeded: Seeded) -> None:
    ada, bob = look(), look()
    for eye, name in ((ada, "Ada"), (bob, "Bob Ö")):
        eye.whole_map(sum(map(len, seeded.ids)))
        eye.page.get_by_role("button", name="You label as").click()
        eye.page.get_by_label("Your name", exact=True).last.fill(name)
        eye.press("Enter")
    n = len(seeded.ids[0])
    ada.lasso(seeded.ids[0])
    ada.drawn(selected=n)
    ada.name("disc")
    start = time.perf_counter()
    bob.drawn(labelled=n)
    assert time.perf_counter() - start < 2  # a second, and what a busy machine takes
    bob.lasso(seeded.ids[1])
    bob.drawn(selected=len(seeded.ids[1]))
    bob.press("1")
    bob.saved()
    ada.drawn(labelled=n + len(seeded.ids[1]))
    ada.press("Control+z")
    ada.saved()
    bob.drawn(labelled=len(seeded.ids[1]))
    assert bob.counts() == {"disc": len(seeded.ids[1])}
    history = bob.page.request.get(f"{bob.server.base}/api/history").json()
    assert [line["user"] for line in history] == ["Ada", "Bob Ö", "Ada"]
    bob.page.reload()
    expect(bob.page.get_by_role("button", name="You label as Bob Ö")).to_be_visible()


@pytest.mark.looks
def test_a_key_of_ones_own(look: Look, seeded: Seeded) -> None:
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    eye.press("?")
    sheet = eye.page.get_by_role("dialog", name="Keys")
    sheet.locator("[data-action=invert]").click()
    eye.press("l")
    expect(sheet.get_by_role("emphasis")).to_have_text("L is the key of “Lasso: draw around items”.")
    sheet.locator("[data-action=invert]").click()
    eye.press("y")
    expect(sheet.locator("[data-action=invert] kbd")).to_have_text("Y")
    eye.press("Escape")
    expect(sheet).to_have_count(0)
    eye.page.reload()
    eye.whole_map(sum(map(len, seeded.ids)))
    eye.lasso(seeded.ids[0])
    eye.drawn(selected=len(seeded.ids[0]))
    eye.press("i")
    eye.press("y")
    eye.drawn(selected=sum(map(len, seeded.ids[1:])))
