"""The network goes and comes back: every panel says so in the page's own words, and goes on by itself."""

import re

from playwright.sync_api import Locator, expect
from tests.browser.conftest import Look
from tests.seeded import Seeded, save_early

from shoal.workspace import Workspace

AWAY = "The server does not answer."


def test_what_the_network_kept_from_a_panel_comes_with_the_network(look: Look, seeded: Seeded) -> None:
    eye = look()
    eye.forgive("ERR_", "Failed to load", "404")
    page = eye.page
    eye.whole_map(sum(map(len, seeded.ids)))
    for group, name in ((0, "disc"), (1, "plate")):
        eye.lasso(seeded.ids[group])
        eye.name(name)
    eye.saved()

    def returns(key: str, panel: str, there: Locator) -> None:
        page.context.set_offline(True)
        eye.press(key)
        said = page.get_by_role("region", name=panel).get_by_role("alert")
        expect(said).to_contain_text(AWAY)
        page.context.set_offline(False)
        expect(there).to_be_visible(timeout=15_000)
        expect(said).to_have_count(0)

    returns("h", "History", page.locator("[data-event]").first)
    returns(
        "Shift+O", "Find", page.get_by_text("far from everything else").or_(page.get_by_text("the loneliest"))
    )
    returns("q", "Quality", page.locator("[data-silhouette]"))


def test_keys_and_filters_say_that_the_server_is_away(look: Look, seeded: Seeded) -> None:
    eye = look()
    eye.forgive("ERR_", "Failed to load", "404")
    page = eye.page
    points = sum(map(len, seeded.ids))
    eye.whole_map(points)
    for group, name in ((0, "disc"), (1, "plate")):
        eye.lasso(seeded.ids[group])
        eye.name(name)
    eye.saved()
    notice = page.locator(".notice")
    page.context.set_offline(True)
    eye.press("e")
    expect(notice).to_contain_text(AWAY)
    notice.get_by_role("button", name="Close").click()
    eye.press("o")
    panel = page.get_by_role("region", name="Look")
    panel.get_by_label("Text in the name").fill("group3/000")
    expect(notice).to_contain_text(AWAY)
    expect(panel.get_by_text(re.compile(rf"\b0 of {points}"))).to_be_visible()
    page.context.set_offline(False)
    expect(panel.get_by_text(f"10 of {points}")).to_be_visible(timeout=15_000)


def test_a_column_to_filter_by_that_the_network_kept_comes_with_the_network(
    look: Look, seeded: Seeded
) -> None:
    eye = look()
    eye.forgive("ERR_", "Failed to load", "404")
    page = eye.page
    eye.whole_map(sum(map(len, seeded.ids)))
    eye.press("o")
    panel = page.get_by_role("region", name="Look")
    by = panel.get_by_label("Filter by")
    by.locator("option", has_text="Folder").wait_for(state="attached")
    page.context.set_offline(True)
    by.select_option(label="Folder")
    expect(page.locator(".notice")).to_contain_text(AWAY)
    folder = panel.locator(".options").get_by_role("button", name="group1")
    expect(folder).to_have_count(0)
    page.context.set_offline(False)
    expect(folder).to_be_visible(timeout=15_000)
    expect(by).to_have_value(re.compile("column"))


def test_a_map_beside_that_the_network_kept_comes_with_the_network(look: Look, seeded: Seeded) -> None:
    with Workspace.open(seeded.path) as workspace:
        workspace.label(seeded.ids[0], "north")
        save_early(workspace, seeded)
    eye = look()
    eye.forgive("ERR_", "Failed to load", "404")
    page = eye.page
    eye.whole_map(sum(map(len, seeded.ids)))
    eye.press("o")
    page.get_by_label("Beside it").locator("option", has_text="early").wait_for(state="attached")
    page.context.set_offline(True)
    eye.press("Shift+B")
    expect(page.locator(".side[data-map]")).to_be_visible()
    expect(page.locator(".notice")).to_contain_text(AWAY)
    page.context.set_offline(False)
    expect(page.locator(".side .name[data-name='north']")).to_be_visible(timeout=15_000)
