"""The whole story on the page: three lassos, learn, accept, learn again, go back; labels and model leave."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Look
from tests.browser.page import PATIENCE_MS, Eye
from tests.pictures import COLOURS, paint_pile

from shoal.cli import main
from shoal.pipeline import make_map
from shoal.recipe import Recipe, Task
from shoal.workspace import Workspace

EACH = 20
FIRST = 6
LEARNED_MS = 120_000
LEARNING = {"red", "green", "blue"}


@dataclass(frozen=True)
class Story:
    """A painted pile and its workspace: where they are, and by colour the ids nearest to each other first."""

    root: Path
    ids: dict[str, list[int]]

    @property
    def path(self) -> Path:
        return self.root / "story.shoal"


@pytest.fixture
def seeded(tmp_path: Path) -> Story:
    """In place of the seeded workspace: a pile that was really read, embedded and laid out."""
    pile = paint_pile(tmp_path / "pile", per_group=EACH)
    ids: dict[str, list[int]] = {}
    with Workspace.open(tmp_path / "story.shoal", create=True) as workspace:
        make_map(workspace, Task([str(pile)]), recipe=Recipe(backbone="placeholder", layer="colour"))
        drawn = workspace.map()
        assert drawn is not None
        colour = np.array([workspace.items.names[id].split("/")[0] for id in drawn.ids.tolist()])
        for name in COLOURS:
            rows = np.flatnonzero(colour == name)
            # A loop around the few nearest of these holds nothing else.
            away = np.linalg.norm(drawn.xy[rows, None] - drawn.xy[None, rows], axis=2)
            centre = int(np.sort(away, axis=1)[:, FIRST - 1].argmin())
            ids[name] = drawn.ids[rows[np.argsort(away[centre])]].tolist()
    return Story(tmp_path, ids)


@pytest.fixture
def eye(look: Look, seeded: Story) -> Eye:
    opened = look()
    opened.drawn(points=EACH * len(COLOURS))
    return opened


def test_from_three_lassos_to_a_model_that_names_new_pictures(eye: Eye, seeded: Story, capsys) -> None:
    labelled = _three_lassos(eye, seeded)
    before = eye.drawn(labelled=labelled)["map"]
    first = _learn(eye, before, times=1)
    accepted = _accept(eye, seeded, "red", labelled)
    eye.lasso(_still_unlabelled(eye, seeded, "yellow")[:FIRST])
    eye.page.wait_for_function("() => window.__shoal.drawn.selected > 0", timeout=PATIENCE_MS)
    eye.name("yellow")
    eye.saved()
    second = _learn(eye, first, times=2)
    eye.page.locator(".past").filter(has_text="3 classes").click()
    eye.drawn(map=first)
    assert eye.state()["round"]["map_id"] == first
    eye.page.locator(".past").filter(has_text="4 classes").click()
    eye.drawn(map=second)
    eye.server.stop()
    _labels_leave(seeded, accepted)
    _model_names_new_pictures(seeded, capsys)


def _three_lassos(eye: Eye, story: Story) -> int:
    labelled = 0
    for name in sorted(LEARNING):
        eye.lasso(story.ids[name][:FIRST])
        eye.page.wait_for_function("() => window.__shoal.drawn.selected > 0", timeout=PATIENCE_MS)
        eye.name(name)
        eye.saved()
        labelled = sum(eye.counts().values())
        eye.drawn(labelled=labelled)
    assert eye.counts().keys() == LEARNING
    assert 3 * FIRST <= labelled < EACH * len(COLOURS)
    return labelled


def _learn(eye: Eye, before: int, *, times: int) -> int:
    """Learn by the key; the map must be seen on its way, and then be the round's."""
    eye.page.evaluate(
        """() => {
            const ways = (window.ways = new Set());
            const look = () => {
                const at = window.__shoal.screenOf(0);
                if (at) ways.add(`${at.x.toFixed(1)} ${at.y.toFixed(1)}`);
                requestAnimationFrame(look);
            };
            look();
        }"""
    )
    if times == 1:
        eye.press("r")
    eye.press("e")
    expect(eye.page.locator(".past")).to_have_count(times, timeout=LEARNED_MS)
    learned = int(eye.state()["round"]["map_id"])
    assert learned != before
    eye.drawn(map=learned)
    assert eye.page.evaluate("window.ways.size") > 2
    return learned


def _accept(eye: Eye, story: Story, name: str, labelled: int) -> int:
    """Accept, however sure, what is predicted as this class inside a lasso around it."""
    eye.accept_any()
    eye.lasso(story.ids[name])
    eye.page.get_by_role("button", name=re.compile(f"Accept [0-9]+ as {name}")).click()
    eye.page.wait_for_function(f"() => window.__shoal.drawn.labelled > {labelled}", timeout=PATIENCE_MS)
    eye.saved()
    accepted = sum(eye.counts().values()) - labelled
    assert EACH / 2 < accepted <= EACH
    newest = eye.page.request.get(f"{eye.server.base}/api/history").json()[0]
    assert (newest["how"], newest["count"]) == ("accept", accepted)
    eye.press("Escape")
    eye.drawn(labelled=labelled + accepted, selected=0)
    return accepted


def _still_unlabelled(eye: Eye, story: Story, name: str) -> list[int]:
    with Workspace.open(story.path) as workspace:
        known = workspace.labels()
    rest = [id for id in story.ids[name] if id not in known]
    assert len(rest) >= FIRST
    places = np.array(eye.places(rest))
    away = np.linalg.norm(places[:, None] - places[None], axis=2)
    centre = int(np.sort(away, axis=1)[:, FIRST - 1].argmin())
    return [rest[k] for k in np.argsort(away[centre])]


def _labels_leave(story: Story, accepted: int) -> None:
    target = story.root / "labels.csv"
    assert main(["export", str(story.path), "--to", str(target)]) == 0
    with target.open() as stream:
        rows = list(csv.DictReader(stream))
    by_round = [row for row in rows if row["how"] == "accept"]
    assert 0 < len(by_round) <= accepted
    assert all(row["round"] == "1" and float(row["confidence"]) >= 0.5 for row in by_round)
    right = [row["class"] == row["path"].split("/")[0] for row in rows]
    assert np.mean(right) > 0.9


def _model_names_new_pictures(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    model, predictions = story.root / "model", story.root / "predictions.csv"
    assert main(["model", str(story.path), "--to", str(model)]) == 0
    fresh = paint_pile(story.root / "fresh", per_group=5, seed=7)
    assert main(["predict", str(model), str(fresh), "--to", str(predictions)]) == 0
    capsys.readouterr()
    with predictions.open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 5 * len(COLOURS)
    assert sum(row["class"] == row["path"].split("/")[0] for row in rows) >= 0.8 * len(rows)
