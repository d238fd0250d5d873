"""Nothing a person has done is lost, whatever happens to the server, and the page never says otherwise."""

from pathlib import Path

from playwright.sync_api import Route, expect
from tests.browser.conftest import Look
from tests.browser.page import Eye
from tests.seeded import Seeded, seed_workspace

SERVER_AWAY = ("net::ERR_", "WebSocket connection", "status of 401", "status of 403")


def test_labels_made_while_the_server_is_dead_survive_the_page_and_arrive(look: Look, seeded: Seeded) -> None:
    eye = look()
    eye.forgive(*SERVER_AWAY)
    eye.whole_map(sum(map(len, seeded.ids)))
    eye.server.kill()
    for group, name in ((0, "first"), (1, "second")):
        eye.lasso(seeded.ids[group])
        eye.drawn(selected=len(seeded.ids[group]))
        eye.name(name)
    eye.drawn(selected=0, labelled=len(seeded.ids[0]) + len(seeded.ids[1]))  # shown, though not saved
    status = eye.page.locator("[data-pending]")
    expect(status).to_have_attribute("data-pending", "2")
    expect(status).to_contain_text("Server away · 2 kept here")
    expect(eye.page.get_by_text("Saved", exact=True)).to_have_count(0)
    again = eye.page.context.new_page()
    eye.page.close()
    eye.server.start()
    eye.page = again
    eye.open()
    eye.drawn(labelled=len(seeded.ids[0]) + len(seeded.ids[1]))
    eye.saved()
    assert eye.counts() == {"first": len(seeded.ids[0]), "second": len(seeded.ids[1])}
    history = eye.page.request.get(f"{eye.server.base}/api/history").json()
    assert [event["class_name"] for event in history if event["kind"] == "label"] == ["second", "first"]


def test_a_page_that_waits_goes_on_when_the_server_is_back(look: Look, seeded: Seeded) -> None:
    eye = look()
    eye.forgive(*SERVER_AWAY)
    eye.whole_map(sum(map(len, seeded.ids)))
    eye.server.kill()
    eye.lasso(seeded.ids[3])
    eye.name("kept")
    status = eye.page.locator("[data-pending]")
    expect(status).to_contain_text("1 kept here")
    eye.server.start()
    # A restart revokes the cookie: the page asks for the printed address, and goes on once it was opened.
    expect(status).to_contain_text("Open the address that the server printed", timeout=20_000)
    eye.page.context.new_page().goto(eye.server.door)
    eye.saved()
    assert eye.counts() == {"kept": len(seeded.ids[3])}


def test_another_workspace_at_the_same_address_gets_nothing_of_this_one(
    look: Look, seeded: Seeded, tmp_path: Path
) -> None:
    other = seed_workspace(tmp_path / "other.shoal", groups=2, per_group=30, seed=1)
    eye = look()
    eye.forgive(*SERVER_AWAY, "status of 421")
    eye.whole_map(sum(map(len, seeded.ids)))
    eye.server.kill()
    eye.lasso(seeded.ids[0])
    eye.name("mine")
    status = eye.page.locator("[data-pending]")
    expect(status).to_contain_text("1 kept here")
    eye.server.workspace = other.path
    eye.server.start()
    eye.page.context.request.get(eye.server.door)  # the cookie, without another tab
    eye.drawn(points=sum(map(len, other.ids)), labelled=0)  # the tab has begun anew
    expect(status).to_have_attribute("data-pending", "0")
    assert eye.counts() == {}
    assert eye.state()["label_seq"] == 0
    eye.server.kill()
    eye.server.workspace = seeded.path
    eye.server.start()
    eye.page.context.request.get(eye.server.door)
    eye.drawn(points=sum(map(len, seeded.ids)), labelled=len(seeded.ids[0]))
    eye.saved()
    assert eye.counts() == {"mine": len(seeded.ids[0])}


def test_an_open_tab_sends_what_a_closed_one_has_left(look: Look, seeded: Seeded) -> None:
    eye = look()
    eye.forgive(*SERVER_AWAY)
    eye.whole_map(sum(map(len, seeded.ids)))
    survivor = eye.page.context.new_page()
    survivor.goto(eye.server.base)
    survivor.wait_for_function("() => window.__shoal?.drawn")
    eye.page.bring_to_front()
    eye.server.kill()
    eye.lasso(seeded.ids[1])
    eye.name("left")
    expect(eye.page.locator("[data-pending]")).to_contain_text("1 kept here")
    eye.page.close()
    eye.page = survivor
    eye.server.start()
    survivor.context.request.get(eye.server.door)
    eye.drawn(labelled=len(seeded.ids[1]))
    eye.saved()
    assert eye.counts() == {"left": len(seeded.ids[1])}


def refuse_labels(eye: Eye, status: int, detail: str) -> None:
    """Answer every gesture with a refusal in the server's stead."""

    def refuse(route: Route) -> None:
        if route.request.method != "POST":
            return route.continue_()
        return route.fulfill(status=status, json={"detail": detail})

    eye.page.route("**/api/labels", refuse)


def test_a_tab_that_was_shut_out_says_saved_when_another_has_sent_what_it_kept(
    look: Look, seeded: Seeded
) -> None:
    eye = look()
    eye.forgive(*SERVER_AWAY)
    eye.whole_map(sum(map(len, seeded.ids)))

    refuse_labels(eye, 401, "no cookie")
    eye.lasso(seeded.ids[2])
    eye.name("kept")
    status = eye.page.locator("[data-pending]")
    expect(status).to_contain_text("Open the address that the server printed")
    eye.page.context.new_page().goto(eye.server.door)
    eye.saved()
    expect(status).not_to_contain_text("Open the address")
    assert eye.counts() == {"kept": len(seeded.ids[2])}
    kinds = [event["kind"] for event in eye.page.request.get(f"{eye.server.base}/api/history").json()]
    assert kinds == ["label"]


def test_a_lost_answer_counts_once(look: Look, seeded: Seeded) -> None:
    eye = look()
    eye.forgive("ERR_CONNECTION_RESET")
    eye.whole_map(sum(map(len, seeded.ids)))
    lost: list[str] = []

    def lose_the_first_answer(route: Route) -> None:
        if lost or route.request.method != "POST":
            return route.continue_()
        lost.append(route.request.post_data or "")
        route.fetch()
        return route.abort("connectionreset")

    eye.page.route("**/api/labels", lose_the_first_answer)
    eye.lasso(seeded.ids[0])
    eye.drawn(selected=len(seeded.ids[0]))
    eye.name("once")
    eye.saved()
    assert len(lost) == 1
    history = eye.page.request.get(f"{eye.server.base}/api/history").json()
    assert [event["kind"] for event in history].count("label") == 1
    assert eye.counts() == {"once": len(seeded.ids[0])}


def test_a_refused_gesture_is_taken_back_and_explained(look: Look, seeded: Seeded) -> None:
    eye = look()
    eye.forgive("status of 422")
    eye.whole_map(sum(map(len, seeded.ids)))

    refuse_labels(eye, 422, "the moon is in the wrong phase")
    eye.lasso(seeded.ids[0])
    eye.drawn(selected=len(seeded.ids[0]))
    eye.name("never")
    expect(eye.page.get_by_text("was not saved: the moon is in the wrong phase")).to_be_visible()
    eye.drawn(labelled=0)
    expect(eye.page.locator("[data-pending]")).to_have_attribute("data-pending", "0")
    assert eye.counts() == {}
