"""A round of a workspace: learned, accepted, gone back to; new images join its map; the model leaves."""

import csv
import json
import shutil

import numpy as np
import pytest
from tests.pictures import COLOURS, paint_pile

from shoal.cli import main
from shoal.model import Model
from shoal.pipeline import make_map
from shoal.predicting import predict_pile, write_predictions
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


def test_the_model_leaves_and_predicts_new_images_alone(ws, tmp_path, capsys):
    assert main(["model", str(ws.path), "--to", str(tmp_path / "model")]) == 0
    model = Model.load(tmp_path / "model")
    card = json.loads((tmp_path / "model" / "card.json").read_text())
    assert (card["classes"], card["layer"]) == (["red", "green", "blue"], "colour")
    pile = paint_pile(tmp_path / "new", per_group=3, seed=4)
    (pile / "broken.png").write_bytes(b"not a picture")
    assert main(["predict", str(tmp_path / "model"), str(pile), "--to", str(tmp_path / "p.csv")]) == 0
    assert "1 could not be read" in capsys.readouterr().out
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
    shares, score, inside = session.run(["probabilities", "score", "embedding"], {"vectors": vectors})
    places, confidence = model.predict(vectors)
    assert np.allclose(shares.max(axis=1), confidence, atol=1e-5)
    known = score[:, 0] >= model.card["least"]
    assert np.array_equal(np.where(known, shares.argmax(axis=1), -1), places)
    assert np.allclose(inside, model.embed(vectors), atol=1e-4)
    again = Model.from_bytes(model.to_bytes())
    assert np.array_equal(again.predict(vectors)[0], places)
    with pytest.raises(ShoalError, match="takes"):
        model.predict(vectors[:, :-1])


def test_what_cannot_be_learned_is_refused_and_nothing_is_saved(ws):
    rounds, maps = len(ws.rounds.rows()), len(ws.maps())
    with pytest.raises(ShoalError, match="no loss 'silhuette'"):
        refine(ws, Lesson(loss="silhuette"))
    with pytest.raises(ShoalError, match="layer"):
        refine(ws, Lesson(layer="nowhere"))

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        refine(ws, Lesson(), watch=stop)
    ws.label(ws.labels(), None)
    with pytest.raises(ShoalError, match="two classes"):
        refine(ws, Lesson())
    assert (len(ws.rounds.rows()), len(ws.maps())) == (rounds, maps)
