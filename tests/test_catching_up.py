"""No image is missing from the map that is shown: after going back, and when learning and adding overlap."""

import json
import shutil

import numpy as np
import pytest
from tests.pictures import COLOURS, paint_pile

from shoal import catching_up, job
from shoal.catching_up import catch_up, go_back
from shoal.cli import main
from shoal.layer_maps import draw_layer
from shoal.pipeline import make_map
from shoal.recipe import Recipe, Task
from shoal.refining import Lesson, refine
from shoal.types import Progress, ShoalError
from shoal.workspace import Workspace
from shoal.workspace.round_list import learned_numbers

RECIPE = Recipe(backbone="placeholder", layer="colour")
MORE = 2 * len(COLOURS)


@pytest.fixture(scope="module")
def two_rounds(tmp_path_factory):
    root = tmp_path_factory.mktemp("catching-up")
    pile = paint_pile(root / "pile", per_group=10)
    with Workspace.open(root / "w.shoal", create=True) as ws:
        make_map(ws, Task([str(pile)]), recipe=RECIPE)
        for name in ("red", "green"):
            ws.label([id for id, item in enumerate(ws.items.names) if item.startswith(name)][:5], name)
        refine(ws, Lesson())
        refine(ws, Lesson())
    return root


@pytest.fixture
def ws(two_rounds, tmp_path):
    shutil.copytree(two_rounds, tmp_path / "copy")
    with Workspace.open(tmp_path / "copy" / "w.shoal") as opened:
        yield opened


def add_images(ws: Workspace, seed: int = 9) -> None:
    pile = paint_pile(ws.path.parent / f"more{seed}", per_group=2, seed=seed)
    make_map(ws, Task([str(pile)]), recipe=RECIPE)


def assert_all_on_the_map(ws: Workspace, before) -> None:
    """Everything embedded is on the map that is shown, and what the map had before has not moved."""
    after = ws.map()
    assert np.array_equal(after.ids, ws.embedding().ids)
    assert len(after.ids) == len(before.ids) + MORE
    assert np.array_equal(after.xy[np.searchsorted(after.ids, before.ids)], before.xy)
    assert 0 <= after.xy.min() <= after.xy.max() <= 1


def test_the_main_job_says_how_far_the_drawing_is(tmp_path):
    heard = []
    with Workspace.open(tmp_path / "w.shoal", create=True) as ws:
        make_map(
            ws, Task([str(paint_pile(tmp_path / "pile", per_group=3))]), recipe=RECIPE, watch=heard.append
        )
    drawing = [step for step in heard if step.message.startswith("drawing the map: ")]
    steps = drawing[-1].total  # from its draft on
    assert drawing[-steps:] == [Progress(k, steps, "drawing the map: laying out") for k in range(steps)]
    assert "drawing the map: finding neighbours" in {step.message for step in drawing}


def test_going_back_shows_the_images_that_came_while_another_round_was_shown(ws, capsys):
    first, second = ws.rounds.rows()
    before = ws.map(second.map_id)
    go_back(ws, first.id)
    add_images(ws)
    assert ws.map().ids.size == before.ids.size + MORE
    assert main(["rounds", str(ws.path), "--back-to", str(second.id), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert_all_on_the_map(ws, before)
    shown = ws.rounds.current()
    assert (learned_numbers(ws)[shown.id], shown.report["placed"]) == (second.id, MORE)
    assert said == {"round": second.id, "map": shown.map_id, "items": before.ids.size + MORE}
    assert np.array_equal(ws.predictions(shown.id).ids, ws.map().ids)
    maps = len(ws.maps())
    for number in (first.id, second.id):
        assert go_back(ws, number).id == number
    assert len(ws.maps()) == maps
    with pytest.raises(ShoalError, match="no round 77"):
        go_back(ws, 77)


def test_a_map_that_no_round_made_takes_in_what_came_since(ws):
    plain = next(row for row in ws.maps() if row.final)
    before = ws.map(plain.id)
    assert not ws.is_behind(plain)
    add_images(ws)
    assert ws.is_behind(plain)
    ws.choose_map(plain.id)
    catch_up(ws)
    assert_all_on_the_map(ws, before)
    assert ws.rounds.current() is None
    assert ws.current_map().origin.projector == plain.origin.projector
    assert not ws.is_behind(ws.current_map())


def test_a_look_aside_stays_the_look_that_it_was(ws):
    aside = draw_layer(ws, RECIPE.make_projector(), layer="grid", watch=lambda _: None)
    add_images(ws)
    ws.choose_map(aside)
    catch_up(ws)
    assert ws.current_map().id == aside


def test_a_round_that_was_learned_while_images_came_shows_them(ws):
    came = []

    def watch(progress):
        if progress.message == "predicting" and not came:
            came.append(True)
            with Workspace.open(ws.path) as other:
                add_images(other)

    row = refine(ws, Lesson(), watch=watch)
    assert came
    assert_all_on_the_map(ws, ws.map(row.map_id))
    assert learned_numbers(ws)[ws.rounds.current().id] == row.id


def test_images_that_came_while_a_round_was_learned_land_on_that_round(ws, monkeypatch):
    learned, aligned = [], catching_up.aligned

    def learn_first(*arguments):
        found = aligned(*arguments)
        if not learned:
            learned.append(True)
            with Workspace.open(ws.path) as other:
                learned.append(refine(other, Lesson()))
        return found

    monkeypatch.setattr(catching_up, "aligned", learn_first)
    add_images(ws)
    row = learned[1]
    shown = ws.rounds.current()
    assert learned_numbers(ws)[shown.id] == row.id
    assert np.array_equal(ws.map().ids, ws.embedding().ids)


@pytest.mark.parametrize("kind", ["place", "layer_map"])
def test_jobs_place_what_is_missing_from_the_map_gone_back_to(ws, kind):
    second = ws.rounds.rows()[1]
    before = ws.map(second.map_id)
    go_back(ws, ws.rounds.rows()[0].id)
    add_images(ws)
    ws.choose_map(second.map_id)
    said = []
    job.WORK[kind](ws, {"layer": "grid"}, lambda progress: said.append(progress.message))
    assert_all_on_the_map(ws, before)
    assert "placing the images that came since" in said
