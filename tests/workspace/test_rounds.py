"""Rounds: map, predictions and model come back as they were, together or not at all; one may go back."""

from dataclasses import replace

import numpy as np
import pytest
from tests.workspace.piles import numbered, some_map

from shoal.workspace import Learned, Predictions, Workspace, WorkspaceError, rounds


@pytest.fixture
def filled(ws):
    ws.reconcile(numbered(50))
    ws.label(range(10), "cat")
    ws.label(range(10, 20), "dog")
    return ws


def learned(*, parent=None, seed=0) -> Learned:
    random = np.random.default_rng(seed)
    guesses = Predictions(
        ids=np.arange(50),
        class_ids=random.integers(-1, 2, 50).astype(np.int32),
        confidence=random.random(50, dtype=np.float32),
        held_out=np.where(np.arange(50) < 20, np.arange(50) % 2, -1).astype(np.int32),
    )
    return Learned(
        map=some_map(50, seed=seed),
        predictions=guesses,
        model=b"weights %d" % seed,
        label_seq=2,
        parent=parent,
        layer="late/deep",
        loss="silhouette",
        seed=seed,
        classes=(0, 1),
        report={"held_out_accuracy": 0.5},
    )


def test_a_round_comes_back_as_it_was(filled):
    given = learned()
    row = filled.rounds.save(given)
    with Workspace.open(filled.path) as other:
        assert other.rounds.rows() == [row]
        assert other.rounds.current() == row
        found = other.rounds.predictions(row.id)
        assert np.array_equal(found.ids, given.predictions.ids)
        assert np.array_equal(found.class_ids, given.predictions.class_ids)
        assert np.array_equal(found.confidence, given.predictions.confidence)
        assert np.array_equal(found.held_out, given.predictions.held_out)
        assert other.rounds.model(row.id) == b"weights 0"
        assert np.array_equal(other.map().xy, given.map.xy)
        assert (row.classes, row.report, row.label_seq) == ((0, 1), {"held_out_accuracy": 0.5}, 2)
        assert other.verify() == []


def test_a_round_from_before_held_out_answers_were_kept_has_none(filled, monkeypatch):
    write = rounds.arrow.encode
    monkeypatch.setattr(
        rounds.arrow,
        "encode",
        lambda columns, notes: write({k: v for k, v in columns.items() if k != "held_out"}, notes),
    )
    row = filled.rounds.save(learned())
    found = filled.rounds.predictions(row.id)
    assert found.held_out.tolist() == [-1] * 50
    assert np.array_equal(found.class_ids, learned().predictions.class_ids)


def test_one_can_go_back_a_round_and_a_new_map_goes_forward_again(filled):
    first = filled.rounds.save(learned())
    second = filled.rounds.save(learned(parent=first.id, seed=1))
    assert filled.rounds.current() == second
    filled.choose_map(first.map_id)
    with Workspace.open(filled.path) as other:
        assert other.rounds.current() == first
        assert other.current_map().id == first.map_id
        assert np.array_equal(other.map().xy, learned().map.xy)
    filled.save_map(some_map(50, seed=7), final=True)
    assert filled.rounds.current() is None
    with pytest.raises(WorkspaceError, match="no map 99"):
        filled.choose_map(99)


def wrong(name: str) -> Learned:
    good = learned()
    guesses = good.predictions
    return {
        "no class 7": replace(good, predictions=replace(guesses, class_ids=np.full(50, 7, np.int32))),
        "no class 2": replace(good, classes=(0, 1, 2)),
        "no class 9": replace(good, predictions=replace(guesses, held_out=np.full(50, 9, np.int32))),
        "ascending": replace(good, predictions=replace(guesses, ids=guesses.ids[::-1])),
        "lengths": replace(good, predictions=replace(guesses, confidence=guesses.confidence[:9])),
        "between 0 and 1": replace(
            good, predictions=replace(guesses, confidence=np.full(50, np.nan, np.float32))
        ),
        "these here are of|not finite": replace(
            good, map=replace(good.map, xy=good.map.xy * np.float32(np.nan))
        ),
    }[name]


@pytest.mark.parametrize(
    "word",
    ["no class 7", "no class 2", "ascending", "lengths", "between 0 and 1", "these here are of|not finite"],
)
def test_what_is_no_round_of_this_workspace_is_refused_whole(filled, word):
    with pytest.raises(WorkspaceError, match=word):
        filled.rounds.save(wrong(word))
    assert filled.rounds.rows() == []
    assert filled.maps() == []


def test_a_damaged_round_is_named_and_set_aside_while_labels_stay(filled):
    row = filled.rounds.save(learned())
    [path] = filled.path.glob("rounds/predictions-*")
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with Workspace.open(filled.path) as other:
        with pytest.raises(WorkspaceError, match="checksum"):
            other.rounds.predictions(row.id)
        assert any("predictions of round 1" in line for line in other.verify())
        assert other.repair() == 1
        assert other.verify() == []
        assert other.rounds.rows() == []
        assert len(other.labels()) == 20


def test_unknown_rounds_are_refused_by_name(filled):
    with pytest.raises(WorkspaceError, match=r"no round 3\. There are: none"):
        filled.rounds.predictions(3)


def test_predictions_follow_their_classes_when_these_are_merged_deleted_and_brought_back(filled):
    row = filled.rounds.save(learned())
    raw = filled.rounds.predictions(row.id)
    guess = {"round_id": row.id, "user": "ann"}
    filled.log.merge_classes(1, 0, user="ann")
    merged = filled.predictions(row.id)
    assert np.array_equal(merged.class_ids, np.where(raw.class_ids == 1, 0, raw.class_ids))
    assert np.array_equal(merged.confidence, raw.confidence)
    written = filled.log.accept(np.array([30, 31]), np.array([0, 1], np.int32), **guess)
    assert (written.count, written.class_id) == (2, 0)
    filled.log.undo(user="ann")
    filled.log.undo(user="ann")
    filled.log.delete_class(1, user="ann")
    deleted = filled.predictions(row.id)
    gone = raw.class_ids == 1
    assert (deleted.class_ids[gone] == -1).all()
    assert (deleted.confidence[gone] == 0).all()
    assert not (deleted.held_out == 1).any()
    assert np.array_equal(deleted.class_ids[~gone], raw.class_ids[~gone])
    written = filled.log.accept(np.array([30, 31]), np.array([0, 1], np.int32), **guess)
    assert written.count == 1
    assert filled.log.reject(np.array([31]), np.array([1], np.int32), **guess) is None
    filled.log.undo(user="ann")
    filled.log.undo(user="ann")
    back = filled.predictions(row.id)
    assert np.array_equal(back.class_ids, raw.class_ids)
    assert filled.labels().get(31) is None


def test_a_rejection_keeps_the_class_that_it_names(filled):
    filled.log.label([40], "owl", user="eve", how="lasso")
    row = filled.rounds.save(learned())
    filled.log.reject(np.array([31]), np.array([2], np.int32), round_id=row.id, user="ann")
    filled.log.undo(user="eve")
    assert [known.name for known in filled.log.classes()] == ["cat", "dog", "owl"]
    filled.log.undo(user="ann")
    assert [known.name for known in filled.log.classes()] == ["cat", "dog"]


def test_accepting_labels_only_what_has_no_label_and_one_undo_takes_it_back(filled):
    row = filled.rounds.save(learned())
    guess = {"round_id": row.id, "user": "ann", "map_id": row.map_id}
    ids, class_ids = np.array([3, 30, 31]), np.array([1, 0, 1], dtype=np.int32)
    written = filled.log.accept(ids, class_ids, request_id="accept-1", **guess)
    event = filled.log.history(1)[0]
    assert (event.seq, event.how, event.round_id, event.count) == (written.seq, "accept", row.id, 2)
    assert [filled.labels()[id] for id in (3, 30, 31)] == ["cat", "cat", "dog"]
    assert filled.log.accept(ids, class_ids, request_id="accept-1", **guess) == written
    assert filled.log.accept(ids, class_ids, **guess) is None
    filled.log.undo(user="ann")
    assert len(filled.labels()) == 20
