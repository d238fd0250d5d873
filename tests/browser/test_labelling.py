"""The walk of issue 2, as a person takes it: look, lasso, name, press a key, come back, undo, take away."""

import csv
import json
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Look
from tests.seeded import HOSTILE_NAME, Seeded

from shoal.workspace import Workspace

HOSTILE_CLASS = "<img src=x onerror=alert(1)>\"'& =cmd|"


def test_lasso_name_key_reload_undo_redo_export(look: Look, seeded: Seeded, tmp_path: Path) -> None:
    eye = look()
    points = sum(map(len, seeded.ids))
    eye.whole_map(points)

    eye.lasso(seeded.ids[0])
    eye.drawn(selected=len(seeded.ids[0]))
    eye.name("disc")
    eye.drawn(selected=0, labelled=len(seeded.ids[0]))
    eye.saved()
    assert eye.counts() == {"disc": len(seeded.ids[0])}

    eye.name("plate")  # nothing is selected: an empty class, with the next key
    expect(eye.page.locator("[data-class=plate]")).to_be_visible()
    eye.lasso(seeded.ids[1])
    eye.drawn(selected=len(seeded.ids[1]))
    eye.press("2")
    eye.saved()
    both = {"disc": len(seeded.ids[0]), "plate": len(seeded.ids[1])}
    assert eye.counts() == both

    eye.page.reload()
    eye.drawn(points=points, labelled=sum(both.values()))
    eye.press("Control+z")
    eye.drawn(labelled=both["disc"])
    assert eye.counts() == {"disc": both["disc"], "plate": 0}
    eye.page.reload()
    eye.drawn(points=points, labelled=both["disc"])
    eye.press("Control+Shift+z")
    eye.drawn(labelled=sum(both.values()))
    assert eye.counts() == both

    rows = {form: download(eye, form, tmp_path) for form in ("CSV", "JSON Lines", "Parquet")}
    written = list(csv.DictReader(rows["CSV"].read_text().splitlines()))
    assert sorted(row["class"] for row in written) == sorted(
        name for name, n in both.items() for _ in range(n)
    )
    assert [json.loads(line)["class"] for line in rows["JSON Lines"].read_text().splitlines()] == [
        row["class"] for row in written
    ]
    assert rows["Parquet"].read_bytes()[:4] == b"PAR1"


def download(eye, form: str, folder: Path) -> Path:
    eye.page.locator("summary", has_text="Export").click()
    with eye.page.expect_download() as waiting:
        eye.page.get_by_role("link", name=form).click()
    target = folder / waiting.value.suggested_filename
    waiting.value.save_as(target)
    return target


def test_strangers_clicked_out_are_not_labelled(look: Look, seeded: Seeded) -> None:
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    eye.lasso(seeded.ids[2])
    n = len(seeded.ids[2])
    eye.drawn(selected=n)
    stranger, regretted = seeded.ids[2][:2]
    tray = eye.page.get_by_role("region", name="Selection")
    expect(tray.locator("[data-item]").first).to_be_visible()
    for id in (stranger, regretted):
        tray.locator(f"[data-item='{id}']").click()
    eye.drawn(selected=n - 2)
    expect(tray.get_by_text("2 strangers out")).to_be_visible()
    tray.locator(f"[data-item='{regretted}']").click()
    eye.drawn(selected=n - 1)
    eye.name("disc")
    eye.saved()
    assert eye.counts() == {"disc": n - 1}
    assert eye.page.request.get(f"{eye.server.base}/api/items/{stranger}").json()["class_name"] is None
    assert eye.page.request.get(f"{eye.server.base}/api/items/{regretted}").json()["class_name"] == "disc"


def test_shift_adds_alt_removes_click_picks_escape_lets_go(look: Look, seeded: Seeded) -> None:
    eye = look()
    a, b, c, _ = (len(ids) for ids in seeded.ids)
    eye.whole_map(sum(map(len, seeded.ids)))
    eye.lasso(seeded.ids[0])
    eye.drawn(selected=a)
    eye.lasso(seeded.ids[1], hold="Shift")
    eye.drawn(selected=a + b)
    eye.lasso(seeded.ids[0], hold="Alt")
    eye.drawn(selected=b)
    eye.name("one")  # a joined selection travels as ids
    eye.saved()
    assert eye.counts() == {"one": b}
    eye.page.mouse.click(*eye.place(seeded.ids[2][0]))
    eye.drawn(selected=1)
    eye.press("Escape")
    eye.drawn(selected=0)
    eye.press("Control+a")
    eye.drawn(selected=sum(map(len, seeded.ids)))
    eye.lasso(seeded.ids[2])
    eye.press("1")
    eye.drawn(selected=0, labelled=b + c)
    eye.lasso(seeded.ids[1])
    eye.press("0")
    eye.drawn(labelled=c)
    eye.saved()
    assert eye.counts() == {"one": c}


def test_hostile_names_are_text(look: Look, seeded: Seeded) -> None:
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    eye.lasso(seeded.ids[0])
    eye.name(HOSTILE_CLASS)
    eye.saved()
    assert eye.counts() == {HOSTILE_CLASS: len(seeded.ids[0])}
    expect(eye.page.locator("aside").get_by_text(HOSTILE_CLASS, exact=True)).to_be_visible()
    with Workspace.open(seeded.path) as workspace:
        hostile = workspace.items.names.index(HOSTILE_NAME)
    eye.zoom(hostile, 12)  # so near that no other item lies above it
    eye.page.mouse.move(*eye.place(hostile))
    card = eye.page.get_by_role("tooltip")
    expect(card.get_by_text("quote'\"<b>=cmd|.png")).to_be_visible()
    expect(card.get_by_text(HOSTILE_CLASS)).to_be_visible()
    assert eye.page.locator("img[src=x], .card b").count() == 0


@pytest.mark.looks
def test_a_key_without_a_class_and_a_gesture_without_a_selection_explain_themselves(
    look: Look, seeded: Seeded
) -> None:
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    eye.press("3")
    expect(eye.page.get_by_text("No class has the key 3 yet")).to_be_visible()
    eye.press("0")
    expect(eye.page.get_by_text("Nothing is selected")).to_be_visible()
    eye.press("Control+z")
    expect(eye.page.get_by_text("There is nothing to undo")).to_be_visible()
    assert eye.state()["label_seq"] == 0
