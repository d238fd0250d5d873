"""Rounds over the wire: seen in the state, predictions as columns, accepted as one gesture, gone back to."""

from dataclasses import replace

import numpy as np
import pytest
from tests.seeded import save_round
from tests.server.test_routes import columns

from shoal import suggesting
from shoal.looking import open_doors
from shoal.suggestions.space import space
from shoal.types import Map
from shoal.workspace import Learned


@pytest.fixture
def learned(workspace, seeded):
    return save_round(workspace, seeded)


def test_the_state_names_the_round_and_its_map(client, learned):
    state = client.get("/api/state").json()
    assert state["round"]["id"] == learned.id
    assert state["round"]["report"] == {"held_out_accuracy": 0.9}
    assert state["map"]["id"] == learned.map_id
    assert client.get("/api/rounds").json() == [state["round"]]


@pytest.mark.parametrize("path", ["state", "rounds"])
def test_a_round_saved_while_an_answer_is_made_troubles_nobody(client, workspace, seeded, monkeypatch, path):
    known = type(workspace.rounds).current

    def current_after_another_was_saved(rounds):
        monkeypatch.setattr(type(workspace.rounds), "current", known)
        save_round(workspace, seeded)
        return known(rounds)

    save_round(workspace, seeded)
    monkeypatch.setattr(type(workspace.rounds), "current", current_after_another_was_saved)
    assert client.get(f"/api/{path}").status_code == 200
    assert client.get("/api/state").json()["round"]["id"] == max(row.id for row in workspace.rounds.rows())


def test_new_images_placed_on_a_rounds_map_are_the_same_round_to_people(client, workspace, learned):
    predictions = workspace.rounds.predictions(learned.id)
    placed = workspace.rounds.save(
        Learned(
            map=workspace.map(learned.map_id),
            predictions=predictions,
            model=b"weights",
            label_seq=workspace.log.seq(),
            parent=learned.id,
            layer=learned.layer,
            loss=learned.loss,
            seed=0,
            classes=learned.classes,
            report={"placed": 3},
        )
    )
    state = client.get("/api/state").json()
    assert (state["round"]["id"], state["round"]["learned"]) == (placed.id, learned.id)
    [line] = client.get("/api/rounds").json()
    assert (line["id"], line["learned"], line["map_id"]) == (learned.id, learned.id, placed.map_id)
    accept(client, placed)
    assert client.get("/api/history").json()[0]["round_id"] == learned.id


def test_going_back_to_the_map_before_leaves_no_round(client, learned, seeded):
    assert client.post(f"/api/maps/{seeded.map_id}/current").json()["id"] == seeded.map_id
    state = client.get("/api/state").json()
    assert (state["map"]["id"], state["round"]) == (seeded.map_id, None)
    client.post(f"/api/maps/{learned.map_id}/current")
    assert client.get("/api/state").json()["round"]["id"] == learned.id
    assert client.post("/api/maps/999/current").status_code == 404


def test_predictions_come_as_columns_by_item_id(client, workspace, learned):
    answer = client.get(f"/api/rounds/{learned.id}/predictions")
    (class_ids, confidence, held_out), _ = columns(answer, "i4", "f4", "i4")
    found = workspace.rounds.predictions(learned.id)
    assert np.array_equal(class_ids[found.ids], found.class_ids)
    assert np.array_equal(confidence[found.ids], found.confidence)
    assert np.array_equal(held_out[found.ids], found.held_out)
    assert (held_out >= 0).sum() == 10
    again = client.get(
        f"/api/rounds/{learned.id}/predictions", headers={"If-None-Match": answer.headers["etag"]}
    )
    assert again.status_code == 304
    assert client.get("/api/rounds/9/predictions").status_code == 404


def accept(client, learned, **more):
    body = {"request_id": "accept-0001", "round_id": learned.id, "at_least": 0.0, **more}
    return client.post("/api/accept", json=body)


def test_accepting_everywhere_labels_what_is_confident_and_unlabelled(client, workspace, learned, seeded):
    found = workspace.rounds.predictions(learned.id)
    labelled = {*seeded.ids[0][:5], *seeded.ids[1][:5]}
    sure = found.ids[(found.class_ids >= 0) & (found.confidence >= 0.8)].tolist()
    answer = accept(client, learned, at_least=0.8).json()
    assert answer["count"] == len(set(sure) - labelled)
    assert set(workspace.labels()) == labelled | set(sure)
    assert accept(client, learned, at_least=0.8).json() == answer
    assert accept(client, learned, at_least=0.8, request_id="accept-0002").status_code == 409
    newest = client.get("/api/history").json()[0]
    assert (newest["how"], newest["round_id"]) == ("accept", learned.id)
    client.post("/api/undo", json={"request_id": "undo-00001"})
    assert set(workspace.labels()) == labelled


def test_accepting_inside_a_lasso_and_of_one_class(client, workspace, learned, seeded):
    polygon = [[1 - x, 1 - y] for x, y in seeded.around(1)]
    selection = {"map_id": learned.map_id, "polygon": polygon}
    assert accept(client, learned, selection=selection, class_id=0).status_code == 409
    assert accept(client, learned, selection=selection, class_id=1).json()["count"] == len(seeded.ids[1]) - 5


def test_rejected_predictions_are_gone_until_it_is_undone(client, workspace, learned, seeded):
    address = f"/api/rounds/{learned.id}/predictions"
    before = client.get(address)
    (guesses, _, _), _ = columns(before, "i4", "f4", "i4")
    wrong = [int(id) for id in seeded.ids[1] if guesses[id] == 1 and id not in workspace.labels()][:4]
    selection = {"map_id": None, "polygon": None, "ids": [*wrong, int(seeded.ids[0][0])], "without": []}
    body = {"request_id": "reject-0001", "round_id": learned.id, "selection": selection}
    answer = client.post("/api/reject", json=body).json()
    assert (answer["count"], answer["class_id"]) == (len(wrong), 1)
    assert client.post("/api/reject", json=body).json() == answer
    assert client.post("/api/reject", json={**body, "request_id": "reject-0002"}).status_code == 409
    state = client.get("/api/state").json()
    assert (state["rejected"], state["undo"]["kind"], state["undo"]["how"]) == (4, "reject", "reject")
    assert not set(wrong) & set(workspace.labels())
    after = client.get(address, headers={"If-None-Match": before.headers["etag"]})
    (left, _, _), _ = columns(after, "i4", "f4", "i4")
    assert (left[wrong] == -1).all()
    assert (left != guesses).sum() == len(wrong)
    accept(client, learned)
    assert not set(wrong) & set(workspace.labels())
    for number in range(2):
        client.post("/api/undo", json={"request_id": f"undo-0000{number}"})
    assert client.get("/api/state").json()["rejected"] == 0
    again = client.get(address, headers={"If-None-Match": before.headers["etag"]})
    assert again.status_code == 304


def test_predictions_of_a_deleted_class_are_gone_until_it_is_undone(client, workspace, learned, seeded):
    address = f"/api/rounds/{learned.id}/predictions"
    before = client.get(address)
    (guesses, _, held), _ = columns(before, "i4", "f4", "i4")
    workspace.delete_class("teal")
    after = client.get(address, headers={"If-None-Match": before.headers["etag"]})
    (left, confidence, held_left), _ = columns(after, "i4", "f4", "i4")
    assert (left[guesses == 1] == -1).all()
    assert (confidence[guesses == 1] == 0).all()
    assert (held_left == 1).sum() == 0 < (held == 1).sum()
    answer = accept(client, learned).json()
    assert (answer["count"], answer["class_id"]) == (len(seeded.ids[0]) - 5, 0)
    assert accept(client, learned, request_id="accept-0009", class_id=1).status_code == 409
    workspace.log.undo(user=workspace.log.history()[1].user)
    again = client.get(address, headers={"If-None-Match": before.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("more", [{"at_least": 1.5}, {"round_id": -1}, {"extra": 1}, {"at_least": "0.5"}])
def test_what_is_no_acceptance_is_refused(client, learned, more):
    assert accept(client, learned, **more).status_code == 422
    assert accept(client, learned, round_id=99).status_code == 404


def test_the_vectors_are_reduced_once_for_all_suggestions(workspace, seeded, monkeypatch):
    reduced = []
    monkeypatch.setattr(suggesting, "space", lambda vectors: reduced.append(len(vectors)) or space(vectors))
    suggester = suggesting.Suggester(workspace)
    first = suggester.suggestions()
    workspace.label(seeded.ids[0], "red")
    second = suggester.suggestions()
    assert reduced == [sum(len(ids) for ids in seeded.ids)]
    shown = [set(np.concatenate([group.ids for group in groups]).tolist()) for groups in (first, second)]
    assert not shown[0].isdisjoint(seeded.ids[0])
    assert shown[1].isdisjoint(seeded.ids[0])


def test_unlabelled_groups_are_suggested_and_labelled_ones_are_not(workspace, make_client, seeded):
    client = make_client(workspace, doors=open_doors(workspace))
    group_of = {id: group for group, ids in enumerate(seeded.ids) for id in ids}

    def suggested() -> dict[int, set[int]]:
        listed = client.get("/api/suggestions").json()
        (ids, places), _ = columns(client.get("/api/suggestions/items"), "u4", "i4")
        assert [one["count"] for one in listed] == np.bincount(places, minlength=len(listed)).tolist()
        for place, one in enumerate(listed):
            assert set(one["exemplars"]) <= set(ids[places == place].tolist())
        return {group_of[int(id)] for id in ids}

    assert suggested() == {0, 1, 2, 3}
    workspace.label(seeded.ids[0], "red")
    workspace.log.label(seeded.ids[1], None, user="ada", how="key")
    assert suggested() == {1, 2, 3}
    last = client.get("/api/suggestions").json()[-1]
    assert "label one by one" in last["reason"]
    (ids, places), _ = columns(client.get("/api/suggestions/items"), "u4", "i4")
    single = ids[places == places.max()]
    assert {group_of[int(id)] for id in single} == {1, 2, 3}
    assert workspace.labels().keys().isdisjoint(single.tolist())
    bare = make_client(workspace)
    assert bare.get("/api/suggestions").status_code == 409


def test_a_map_gone_back_to_gets_the_images_that_came_since_by_a_job(make_client, workspace, seeded):
    learned = save_round(workspace, seeded)
    started = []

    def start_job(kind, parameters):
        started.append((kind, dict(parameters)))
        return workspace.jobs.create(kind, parameters)

    client = make_client(workspace, start_job=start_job)
    client.post(f"/api/maps/{learned.map_id}/current")
    assert started == []
    old = workspace.map(seeded.map_id)
    few = workspace.save_map(Map(old.xy[:-9], old.ids[:-9], old.origin), final=True)
    aside = workspace.save_map(
        Map(old.xy[:-9], old.ids[:-9], replace(old.origin, aside=True, parent=few)), final=True
    )
    client.post(f"/api/maps/{aside}/current")
    assert started == []
    for _ in range(2):  # the second time it is under way
        answer = client.post(f"/api/maps/{few}/current").json()
        assert (answer["id"], answer["items"]) == (few, len(old.ids) - 9)
    assert started == [("place", {})]
    assert client.get("/api/state").json()["job"]["kind"] == "place"
    bare = make_client(workspace)
    assert bare.post(f"/api/maps/{few}/current").status_code == 200
