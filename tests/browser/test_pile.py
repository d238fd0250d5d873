"""A pile of real files: the picture itself in the viewer, and filters by what the files tell."""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from tests.browser.conftest import Look
from tests.browser.page import Eye, Server
from tests.pictures import paint_pile

from shoal.pipeline import make_map
from shoal.recipe import Recipe, Task
from shoal.workspace import Workspace

EACH = 12
LARGE, LARGER = "red/large.png", "red/larger.png"
DAY = 86_400
FIRST_DAY = datetime(2024, 5, 1, 12, tzinfo=UTC).timestamp()


@dataclass(frozen=True)
class Pile:
    """A workspace of painted files; the id of each by its name, and its file's day, 0 to 11, in May 2024."""

    path: Path
    ids: dict[str, int]
    days: dict[str, int]


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Pile:
    """One pile for all tests of this file."""
    root = tmp_path_factory.mktemp("pile")
    files = paint_pile(root / "pile", per_group=EACH)
    for name, size in ((LARGE, (700, 500)), (LARGER, (2000, 1000))):
        across = np.linspace(0, 255, size[0], dtype=np.uint8)
        pixels = np.broadcast_to(across[:, None] * np.array([1, 0, 0], np.uint8), (size[1], size[0], 3))
        Image.fromarray(pixels).save(files / name)
    days = {
        str(file.relative_to(files)): place % 12 for place, file in enumerate(sorted(files.rglob("*.png")))
    }
    for name, day in days.items():
        os.utime(files / name, (FIRST_DAY + day * DAY,) * 2)
    path = root / "pile.shoal"
    with Workspace.open(path, create=True) as workspace:
        make_map(workspace, Task([str(files)]), recipe=Recipe(backbone="placeholder", layer="colour"))
        ids = {name: id for id, name in enumerate(workspace.items.names)}
    return Pile(path, ids, days)


@pytest.fixture(scope="module")
def server(seeded: Pile) -> Iterator[Server]:
    with Server(seeded.path) as started:
        yield started


@pytest.fixture
def eye(look: Look, seeded: Pile) -> Eye:
    opened = look()
    opened.drawn(points=len(seeded.ids))
    return opened


@pytest.mark.parametrize(
    ("name", "size", "shown"), [(LARGE, (700, 500), (700, 500)), (LARGER, (2000, 1000), (1024, 512))]
)
def test_the_viewer_shows_the_picture_itself(
    eye: Eye, seeded: Pile, name: str, size: tuple[int, int], shown: tuple[int, int]
) -> None:
    id = seeded.ids[name]
    eye.press("Shift+F")
    eye.page.keyboard.type(name)
    eye.press("Enter")
    eye.page.get_by_role("status").get_by_text("1 item").wait_for()
    eye.press("Control+a")
    eye.drawn(selected=1)
    eye.page.locator(f"aside [data-item='{id}']").hover()
    eye.press("Space")
    viewer = eye.page.get_by_role("dialog", name=f"Picture {name}")
    picture = viewer.locator("img[data-large=there]")
    expect(picture).to_be_visible()
    assert picture.evaluate("(one) => [one.naturalWidth, one.naturalHeight]") == list(shown)
    expect(viewer.get_by_text(f"{size[0]:,} × {size[1]:,}")).to_be_visible()
    served = eye.page.request.get(f"{eye.server.base}{picture.get_attribute('src')}")
    pixels = np.asarray(Image.open(BytesIO(served.body())).convert("RGB")).astype(int)
    assert pixels.shape == (shown[1], shown[0], 3)
    assert np.abs(pixels[:, :, 0].mean(axis=0) - np.linspace(0, 255, shown[0])).max() < 6
    seen = np.asarray(Image.open(BytesIO(picture.screenshot())).convert("RGB")).astype(int)
    row = seen[seen.shape[0] // 2]
    assert row[:, 0].max() > 240  # it is on the screen, dark at the left and red at the right
    assert np.abs(row[:, 1:]).min() < 6
    viewer.get_by_role("button", name="Close").click()
    expect(viewer).to_have_count(0)


def test_class_folder_date_and_text_filter_together(eye: Eye, seeded: Pile) -> None:
    with Workspace.open(seeded.path) as workspace:
        for name, colour in (("warm", "red"), ("warm", "yellow"), ("cold", "blue"), ("cold", "green")):
            workspace.label([id for file, id in seeded.ids.items() if file.startswith(colour)], name)
    eye.drawn(labelled=len(seeded.ids))
    eye.press("o")
    panel = eye.page.get_by_role("region", name="Look")
    add = panel.get_by_label("Filter by")
    expected = set(seeded.ids)

    def narrowed(keep: set[str]) -> None:
        expected.intersection_update(keep)
        assert expected
        expect(panel.get_by_text(f"{len(expected)} of {len(seeded.ids)}")).to_be_visible()

    add.select_option(label="Class")
    panel.locator("[aria-pressed]").filter(has_text="warm").click()
    narrowed({name for name in seeded.ids if name.split("/")[0] in ("red", "yellow")})
    add.select_option(label="Folder")
    panel.get_by_role("button", name="red", exact=True).click()
    narrowed({name for name in seeded.ids if name.startswith("red/")})
    add.select_option(label="Date")
    panel.get_by_label("From").fill("2024-05-03")
    panel.get_by_label("To").fill("2024-05-08")
    panel.get_by_role("button", name="Apply").click()
    narrowed({name for name, day in seeded.days.items() if 2 <= day <= 7})
    panel.get_by_label("Text in the name").fill("RED000")
    narrowed({name for name in seeded.ids if "red000" in name})
    chips = panel.get_by_role("list", name="Filters").get_by_role("listitem")
    expect(chips).to_have_count(5)  # four filters, and one button to clear them all
    eye.press("Enter")
    eye.press("Control+a")
    eye.drawn(selected=len(expected))
    eye.name("all four")
    eye.saved()
    table = eye.page.request.get(f"{eye.server.base}/api/export/labels.csv").text()
    named = {row["path"] for row in csv.DictReader(table.splitlines()) if row["class"] == "all four"}
    assert {path for path in seeded.ids if any(one.endswith(path) for one in named)} == expected
    chips.filter(has_text="2024").get_by_role("button").click()
    expect(chips).to_have_count(4)
    eye.press("Control+z")
    eye.saved()
    by_text = {name for name in seeded.ids if "red000" in name}
    expect(panel.get_by_text(f"{len(by_text)} of {len(seeded.ids)}")).to_be_visible()
