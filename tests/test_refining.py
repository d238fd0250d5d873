"""A round of a workspace: learned, accepted, gone back to; new images join its map; the model leaves."""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from tests.pictures import COLOURS, paint_pile

import shoal
from shoal.cli import main
from shoal.layer_maps import draw_layer, maps_by_layer
from shoal.model import Model
from shoal.pipeline import make_map
from shoal.predicting import predict_pile, write_predictions
from shoal.pulling import draw_apart
from shoal.recipe import Recipe, Task
from shoal.refining import Lesson, accept, model_of, refine
from shoal.types import ShoalError
from shoal.workspace import Workspace

RECIPE = Recipe(backbone="placeholder", layer="colour")
EACH = 15


@pytest.fixture(scope="module")
def learned_once(tmp_path_factory):
    """A painted pile, and a workspace that has learned a round from five labels of three of four colours."""
    root = tmp_path_factory.mktemp("refining")
    pile = paint_pile(root / "pile", per_group=EACH)
    with Workspace.open(root / "w.shoal", create=True) as ws:
        make_map(ws, Task([str(pile)]), recipe=RECIPE)
        label_some(ws, ("red", "green", "blue"))
        refine(ws, Lesson())
    return root


@pytest.fixture
def ws(learned_once, tmp_path):
    shutil.copytree(learned_once, tmp_path / "copy")
    with Workspace.open(tmp_path / "copy" / "w.shoal") as opened:
        yield opened


def label_some(ws: Workspace, names, each: int = 5) -> None:
    for name in names:
        ids = [id for id, item in enumerate(ws.items.names) if item.startswith(name)]
        ws.label(ids[:each], name)


def truth(ws: Workspace) -> list[str]:
    return [name.split("/")[0] for name in ws.items.names]


def test_a_round_predicts_what_nobody_has_labelled_and_is_the_current_one(ws):
    row = ws.rounds.current()
    assert row is not None
    assert (row.layer, row.loss, row.label_seq) == ("colour", "silhouette", 3)
    found = ws.rounds.predictions(row.id)
    names = {one.id: one.name for one in ws.log.classes()}
    right = [
        names.get(guess) == name
        for guess, name in zip(found.class_ids.tolist(), truth(ws), strict=True)
        if name in names.values()
    ]
    assert np.mean(right) > 0.95
    assert ws.map().origin.projector == "round"
    assert row.report["labelled"] == 15


def test_a_second_round_goes_on_from_the_first_and_one_may_go_back(ws):
    first = ws.rounds.current()
    label_some(ws, ("yellow",))
    second = refine(ws, Lesson(loss="gaussian-corel"))
    assert (second.parent, len(second.classes), second.loss) == (first.id, 4, "gaussian-corel")
    ws.choose_map(first.map_id)
    assert ws.rounds.current() == first


def test_items_that_are_none_of_these_are_learned_from_and_are_no_class(ws):
    yellow = [id for id, name in enumerate(ws.items.names) if name.startswith("yellow")]
    ws.log.answer(yellow[:8], "none", user="ada", how="key")
    row = refine(ws, Lesson())
    found = ws.rounds.predictions(row.id)
    guesses = found.class_ids[np.searchsorted(found.ids, yellow)]
    assert len(row.classes) == 3
    assert row.report["labelled"] == 15
    assert (guesses == -1).mean() > 0.8
    _, model = model_of(ws)
    assert model.classes == ["red", "green", "blue"]


def find_red(ws: Workspace) -> None:
    """Leave labels of red alone, and say of others that they are none of it."""
    names = truth(ws)
    ws.label([id for id, name in enumerate(names) if name != "red"], None)
    for name in ("green", "blue"):
        others = [id for id, item in enumerate(names) if item == name]
        ws.log.answer(others[:4], "none", user="ada", how="key")


def test_all_of_one_class_are_found_and_its_model_finds_them_elsewhere(ws, tmp_path, capsys):
    find_red(ws)
    assert main(["learn", str(ws.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["classes"] == 1
    red, yellow = (np.array([name == wanted for name in truth(ws)]) for wanted in ("red", "yellow"))
    found = ws.predictions(ws.rounds.current().id)
    assert (found.confidence[red] > 0.75).mean() > 0.9
    free = ~np.isin(found.ids, list(ws.labels()))
    assert (found.confidence[free & ~red & ~yellow] < 0.25).mean() > 0.9
    assert (found.confidence[yellow] < 0.75).all()  # like neither: nobody has said what they are
    ws.log.answer(np.flatnonzero(yellow)[:4].tolist(), "none", user="ada", how="key")
    refine(ws, Lesson())
    found = ws.predictions(ws.rounds.current().id)
    free = ~np.isin(found.ids, list(ws.labels()))
    assert (found.confidence[red] > 0.75).mean() > 0.9
    assert (found.confidence[free & ~red] < 0.4).mean() > 0.9
    _, model = model_of(ws)
    vectors = ws.embedding("colour").vectors
    places, confidence = model.predict(vectors)
    assert np.array_equal(places[free] >= 0, found.class_ids[free] >= 0)
    np.testing.assert_allclose(confidence[free], found.confidence[free], atol=0.05)
    model.save(tmp_path / "model")
    pile = paint_pile(tmp_path / "new", per_group=3, seed=4)
    answers = list(predict_pile(Model.load(tmp_path / "model"), pile))
    sure = {one.path.split(b"/")[0] for one in answers if one.confidence > 0.5}
    assert sure == {b"red"}
    capsys.readouterr()
    assert main(["rounds", str(ws.path)]) == 0
    assert "1 class, 5 labels" in capsys.readouterr().out


def test_labels_that_nothing_can_be_learned_from_are_refused_before_anything_is_computed(ws):
    ws.label(ws.labels(), None)
    shutil.rmtree(ws.path / "cache")

    def never(progress):
        raise AssertionError(progress)

    with pytest.raises(ShoalError, match=r"^learn got no labelled item"):
        refine(ws, Lesson(), watch=never)


def test_what_could_not_be_measured_is_not_said(ws, capsys, tmp_path):
    ws.label(ws.labels(), None)
    for name in ("red", "green"):
        ws.label([truth(ws).index(name)], name)
    assert main(["learn", str(ws.path)]) == 0
    said = capsys.readouterr()
    assert "held out" not in said.out
    assert "2 classes from 2 labels" in said.out
    assert main(["rounds", str(ws.path)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert "right held out" in first
    assert "held out" not in second
    metrics = model_of(ws)[1].card["metrics"]
    assert not {"held_out_accuracy", "calibration_error", "head_recall"} & metrics.keys()


def test_rounds_can_be_compared_by_their_heads(ws, capsys):
    refine(ws, Lesson(loss="supcon", dim=4))
    assert main(["rounds", str(ws.path)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    heads = [row.report["head_recall"] for row in ws.rounds.rows()]
    assert first.endswith(f"head: silhouette 16-d of colour, nearest right {heads[0]:.1%} held out")
    assert second.endswith(f"head: supcon 4-d of colour, nearest right {heads[1]:.1%} held out")


def test_accepting_nothing_says_how_sure_the_surest_is(ws, capsys):
    found = ws.predictions(ws.rounds.current().id)
    free = ~np.isin(found.ids, list(ws.labels())) & (found.class_ids == ws.class_id("red"))
    most = float(found.confidence[free].max())
    command = ["accept", str(ws.path), "--at-least", "1", "--class", "red"]
    assert main(command) == 0
    assert capsys.readouterr().out.strip() == f"accepted 0 predictions: the surest left is {most:.1%} sure"
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"accepted": 0, "surest": pytest.approx(most)}
    ws.label(found.ids.tolist(), "red")
    assert main(command) == 0
    assert "no item without a label has one" in capsys.readouterr().out


def test_the_model_of_any_round_can_be_saved(ws, tmp_path):
    first = ws.rounds.current()
    label_some(ws, ("yellow",))
    refine(ws, Lesson())
    with shoal.open(ws.path) as opened:
        opened.save_model(tmp_path / "first", round=first.id)
        opened.save_model(tmp_path / "now")
        with pytest.raises(ShoalError, match="no round 77"):
            opened.save_model(tmp_path / "none", round=77)
    assert [len(Model.load(tmp_path / name).classes) for name in ("first", "now")] == [3, 4]


def test_accepting_labels_the_sure_ones_as_one_gesture(ws):
    before = len(ws.labels())
    written = accept(ws, at_least=0.5, class_name="red", user="ada")
    assert written is not None
    assert len(ws.labels()) == before + written.count
    accepted = [item for item in ws.labelled() if item.how == "accept"]
    assert {item.class_name for item in accepted} == {"red"}
    assert {item.round_id for item in accepted} == {ws.rounds.current().id}
    ws.log.undo(user="ada")
    assert len(ws.labels()) == before
    with pytest.raises(ShoalError, match="no class 'pink'"):
        accept(ws, at_least=0.5, class_name="pink", user="ada")
    with pytest.raises(ShoalError, match="between 0 and 1"):
        accept(ws, at_least=5, user="ada")


def test_accepting_takes_classes_as_they_are_now(ws):
    before = len(ws.labels())
    ids = {one.name: one.id for one in ws.log.classes()}
    found = ws.predictions(ws.rounds.current().id)
    free = ~np.isin(found.ids, list(ws.labels()))
    count = {name: int((found.class_ids[free] == id).sum()) for name, id in ids.items()}
    ws.log.merge_classes(ids["red"], ids["blue"], user="ada")
    written = accept(ws, at_least=0, class_name="blue", user="ada")
    assert written.count == count["red"] + count["blue"] == len(ws.labels()) - before
    ws.log.undo(user="ada")
    ws.log.undo(user="ada")
    ws.log.delete_class(ids["green"], user="ada")
    left = len(ws.labels())
    written = accept(ws, at_least=0, user="ada")
    assert written.count == count["red"] + count["blue"] == len(ws.labels()) - left


def test_what_was_rejected_is_not_predicted_again(ws):
    row = ws.rounds.current()
    found = ws.rounds.predictions(row.id)
    free = ~np.isin(found.ids, list(ws.labels())) & (found.class_ids >= 0)
    ids, classes = found.ids[free][:3], found.class_ids[free][:3]
    written = ws.log.reject(ids, classes, round_id=row.id, user="ada")
    assert written.count == 3
    assert ws.log.items_of(written.seq).tolist() == ids.tolist()
    assert ws.log.reject(ids, classes, round_id=row.id, user="ada") is None
    after = ws.rounds.predictions(refine(ws, Lesson()).id)
    at = np.searchsorted(after.ids, ids)
    assert (after.class_ids[at] != classes).all()
    others = np.setdiff1d(np.flatnonzero(free), np.flatnonzero(free)[:3])
    assert (after.class_ids[others] == found.class_ids[others]).mean() > 0.9
    ws.log.undo(user="ada")
    assert len(ws.log.rejected()[0]) == 0
    ws.choose_map(row.map_id)


def test_new_images_land_on_the_round_s_map_and_nothing_else_moves(ws):
    before, row = ws.map(), ws.rounds.current()
    pile = ws.path.parent / "more"
    paint_pile(pile, per_group=4, seed=9)
    make_map(ws, Task([str(pile)]), recipe=RECIPE)
    after, extended = ws.map(), ws.rounds.current()
    assert extended.parent == row.id
    assert extended.report["placed"] == 4 * len(COLOURS)
    old = np.searchsorted(after.ids, before.ids)
    assert np.array_equal(after.xy[old], before.xy)
    found = ws.rounds.predictions(extended.id)
    names = {one.id: one.name for one in ws.log.classes()}
    new = np.setdiff1d(after.ids, before.ids)
    reds = [id for id in new.tolist() if ws.items.names[id].startswith("red")]
    guesses = [names.get(int(found.class_ids[np.searchsorted(found.ids, id)])) for id in reds]
    assert guesses.count("red") >= 3
    maps = len(ws.maps())
    make_map(ws, Task(), recipe=RECIPE)
    assert len(ws.maps()) == maps


def test_the_map_of_a_rounds_head_is_one_of_the_layers_and_the_loss_shows_there(ws):
    drawn = {}
    for loss in ("silhouette", "proxy-anchor"):
        row = refine(ws, Lesson(loss=loss))
        layer = f"head of round {row.id}"
        heard = []
        saved = draw_layer(ws, RECIPE.make_projector(), layer=layer, watch=heard.append)
        assert all(step.message.startswith(f"drawing the map of the {layer}") for step in heard)
        steps = [step.done for step in heard if step.total]
        assert steps == list(range(heard[-1].total))
        assert maps_by_layer(ws)[layer].id == saved
        assert draw_layer(ws, RECIPE.make_projector(), layer=layer, watch=lambda _: None) == saved
        assert ws.main_map().id == row.map_id
        drawn[loss] = ws.map(saved).xy
    assert not np.allclose(*drawn.values(), atol=1e-3)
    with pytest.raises(ShoalError, match="999"):
        draw_layer(ws, RECIPE.make_projector(), layer="head of round 999", watch=lambda _: None)


def pull_red_from_blue(ws: Workspace) -> int:
    of = [np.array([id for id, name in enumerate(truth(ws)) if name == wanted]) for wanted in ("red", "blue")]
    return draw_apart(ws, *of)


def test_while_groups_are_pulled_apart_the_round_stays_and_learning_goes_on_from_its_map(ws, tmp_path):
    shutil.copytree(ws.path, tmp_path / "twin.shoal")
    row, before, layers = ws.rounds.current(), ws.map(), maps_by_layer(ws)
    apart = pull_red_from_blue(ws)
    assert (ws.current_map().id, ws.main_map().id, ws.rounds.current()) == (apart, row.map_id, row)
    pull_red_from_blue(ws)
    assert (ws.main_map().id, ws.current_map().origin.parent) == (row.map_id, row.map_id)
    assert maps_by_layer(ws) == layers
    assert accept(ws, at_least=0.5, class_name="red", user="ada") is not None
    label_some(ws, ("yellow",))
    second = refine(ws, Lesson())
    assert second.parent == row.id
    assert ws.map(second.map_id).origin.parent == row.map_id
    moved = np.median(np.linalg.norm(ws.map().xy - before.xy, axis=1))
    assert moved < 0.5 * np.median(np.linalg.norm(ws.map().xy - ws.map(apart).xy, axis=1))
    with Workspace.open(tmp_path / "twin.shoal") as twin:
        accept(twin, at_least=0.5, class_name="red", user="ada")
        label_some(twin, ("yellow",))
        assert second.report["median_move"] == refine(twin, Lesson()).report["median_move"]


def test_new_images_come_to_the_map_that_was_pulled_apart(ws):
    row, before = ws.rounds.current(), ws.map()
    pull_red_from_blue(ws)
    pile = ws.path.parent / "more"
    paint_pile(pile, per_group=1, seed=9)
    make_map(ws, Task([str(pile)]), recipe=RECIPE)
    assert ws.rounds.current().parent == row.id
    after = ws.map()
    assert np.array_equal(after.xy[np.searchsorted(after.ids, before.ids)], before.xy)
    assert accept(ws, at_least=0.5, user="ada") is not None


def test_without_a_round_new_images_come_to_the_map_from_before_it_was_pulled_apart(ws):
    plain = ws.maps()[0]
    ws.choose_map(plain.id)
    before = ws.map()
    apart = ws.map(pull_red_from_blue(ws))
    pile = ws.path.parent / "more"
    paint_pile(pile, per_group=1, seed=9)
    make_map(ws, Task([str(pile)]), recipe=RECIPE)
    assert ws.rounds.current() is None
    after = ws.map()
    old = after.xy[np.searchsorted(after.ids, before.ids)]
    moved, from_apart = (np.median(np.linalg.norm(old - one.xy, axis=1)) for one in (before, apart))
    assert moved < from_apart / 2


def test_the_model_leaves_and_predicts_new_images_alone(ws, tmp_path, capsys):
    assert main(["model", str(ws.path), "--to", str(tmp_path / "model")]) == 0
    model = Model.load(tmp_path / "model")
    card = json.loads((tmp_path / "model" / "card.json").read_text())
    assert (card["classes"], card["layer"]) == (["red", "green", "blue"], "colour")
    pile = paint_pile(tmp_path / "new", per_group=3, seed=4)
    (pile / "broken.png").write_bytes(b"not a picture")
    (pile / "em\npty.png").touch()
    (pile / "dangling.png").symlink_to(pile / "nowhere.png")
    assert main(["predict", str(tmp_path / "model"), str(pile), "--to", str(tmp_path / "p.csv")]) == 0
    said = capsys.readouterr()
    assert "3 could not be read" in said.out
    assert "skipped: em\\npty.png: " in said.err
    assert "skipped: dangling.png: " in said.err
    with (tmp_path / "p.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 12
    known = [row for row in rows if not row["path"].startswith("yellow")]
    assert sum(row["class"] == row["path"].split("/")[0] for row in known) >= 8
    write_predictions(predict_pile(model, pile), tmp_path / "p.jsonl")
    assert len((tmp_path / "p.jsonl").read_text().splitlines()) == 12
    with pytest.raises(ShoalError, match=r"\.csv or \.jsonl"):
        write_predictions(iter(()), tmp_path / "p.xlsx")


def test_the_onnx_file_says_what_the_model_says(ws):
    import onnxruntime

    _, model = model_of(ws)
    vectors = ws.embedding("colour").vectors.astype(np.float32)
    session = onnxruntime.InferenceSession(model.to_onnx(), providers=["CPUExecutionProvider"])
    shares, named, inside = session.run(["probabilities", "named", "embedding"], {"vectors": vectors})
    places, confidence = model.predict(vectors)
    assert np.allclose(shares.max(axis=1), confidence, atol=1e-5)
    assert np.allclose(shares.sum(axis=1), named[:, 0], atol=1e-5)
    known = named[:, 0] >= model.card["none_below"]
    assert np.array_equal(np.where(known, shares.argmax(axis=1), -1), places)
    assert np.allclose(inside, model.embed(vectors), atol=1e-4)
    again = Model.from_bytes(model.to_bytes())
    assert np.array_equal(again.predict(vectors)[0], places)
    with pytest.raises(ShoalError, match="takes"):
        model.predict(vectors[:, :-1])


def test_a_model_of_an_older_shoal_predicts_by_its_least_score(ws):
    _, model = model_of(ws)
    vectors = ws.embedding("colour").vectors.astype(np.float32)
    card = {name: value for name, value in model.card.items() if name not in {"named", "none_below"}}
    old = Model.from_bytes(replace(model, card=card | {"least": 0.5}).to_bytes())
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    best = (unit @ model.weights + model.bias).max(axis=1)
    assert ((old.predict(vectors)[0] >= 0) == (best > 0.5)).all()


def test_what_cannot_be_learned_is_refused_and_nothing_is_saved(ws):
    rounds, maps = len(ws.rounds.rows()), len(ws.maps())
    with pytest.raises(ShoalError, match="no loss 'silhuette'"):
        refine(ws, Lesson(loss="silhuette"))
    with pytest.raises(ShoalError, match="layer"):
        refine(ws, Lesson(layer="nowhere"))

    def never(progress):
        raise AssertionError(progress)

    for wrong in (Lesson(dim=0), Lesson(dim=5000), Lesson(loss="silhuette")):
        with pytest.raises(ShoalError, match=r"dimensions|no loss"):
            refine(ws, wrong, watch=never)  # at once

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        refine(ws, Lesson(), watch=stop)
    ws.label(ws.labels(), None)
    with pytest.raises(ShoalError, match="two classes"):
        refine(ws, Lesson())
    assert (len(ws.rounds.rows()), len(ws.maps())) == (rounds, maps)


def test_rounds_are_listed_gone_back_to_and_rejected_from_the_command_line(ws, capsys):
    first = ws.rounds.current()
    pile = ws.path.parent / "more"
    paint_pile(pile, per_group=1, seed=9)
    make_map(ws, Task([str(pile)]), recipe=RECIPE)
    placed = ws.rounds.current()
    refine(ws, Lesson(layer="grid"))
    third = refine(ws, Lesson())
    assert third.layer == "grid"  # the layer of the map on show
    path = str(ws.path)

    def run(*arguments: str):
        capsys.readouterr()
        assert main([*arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    rounds = run("rounds", path)["rounds"]
    assert [(one["id"], one["current"]) for one in rounds] == [(first.id, False), (3, False), (4, True)]
    assert main(["rounds", path]) == 0
    assert f"*   {third.id}  " in capsys.readouterr().out
    run("rounds", path, "--back-to", str(first.id))
    assert ws.rounds.current() == placed  # with the images that came since
    assert [one["current"] for one in run("rounds", path)["rounds"]] == [True, False, False]
    assert run("info", path)["round"] == first.id
    assert main(["rounds", path, "--back-to", str(placed.id)]) == 1
    all_red = run("reject", path, "--class", "red")["rejected"]
    assert all_red > 0
    assert run("undo", path)["undone"] == all_red
    less = run("reject", path, "--class", "red", "--below", "0")["rejected"]
    assert less == 0
    red = [id for id, name in enumerate(truth(ws)) if name == "red" and id not in ws.labels()]
    assert run("reject", path, "--class", "red", "--ids", str(red[0]))["rejected"] == 1
    assert main(["reject", path, "--class", "pink"]) == 1
