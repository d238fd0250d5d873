"""Classes, answers, history, users and deltas over the wire."""

import base64

import numpy as np
import pytest
from tests.seeded import Seeded
from tests.server.test_routes import columns, detail, label_body

REQUEST = "request-{:04}"


@pytest.fixture
def post(client):
    numbers = iter(range(1000, 9999))

    def send(address, status=200, user=None, **body):
        headers = {"X-Shoal-User": user} if user else {}
        body = {"request_id": REQUEST.format(next(numbers))} | body
        answer = client.post(address, json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    return send


def changed(post, class_id, kind, status=200, **what):
    return post("/api/classes/change", status, class_id=class_id, change={"kind": kind, **what})


def classes(client):
    return {known["name"]: known["count"] for known in client.get("/api/state").json()["classes"]}


def label(client, seeded, group, name, **more):
    body = label_body(seeded, group, request_id=REQUEST.format(group), class_name=name) | more
    assert client.post("/api/labels", json=body).status_code == 200


def test_a_class_is_renamed_merged_deleted_and_all_of_it_undone(client, seeded, post):
    label(client, seeded, 0, "cat")
    label(client, seeded, 1, "dog")
    changed(post, 0, "rename", name="tom")
    assert classes(client) == {"tom": 60, "dog": 60}
    assert "merge" in changed(post, 0, "rename", 409, name="dog")["detail"]
    changed(post, 0, "merge", into=1)
    assert classes(client) == {"dog": 120}
    changed(post, 1, "delete")
    assert classes(client) == {}
    for expected in ({"dog": 120}, {"tom": 60, "dog": 60}, {"cat": 60, "dog": 60}):
        post("/api/undo")
        assert classes(client) == expected
    assert "no class 9" in changed(post, 9, "delete", 409)["detail"]


def test_a_class_goes_with_its_label_unless_somebody_has_made_it(client, seeded, post):
    label(client, seeded, 0, "cat")
    post("/api/undo")
    assert classes(client) == {}
    post("/api/redo")
    assert classes(client) == {"cat": 60}
    made = post("/api/classes", user="Bob", name="cat")
    assert made["class_id"] == 0
    post("/api/undo")
    assert classes(client) == {"cat": 0}
    kinds = [line["kind"] for line in client.get("/api/history").json()]
    assert kinds == ["undo", "class", "redo", "undo", "label"]


def test_colours_and_keys_travel(client, seeded, post):
    label(client, seeded, 0, "cat")
    changed(post, 0, "colour", colour="#FF8800")
    changed(post, 0, "key", key=7)
    [known] = client.get("/api/state").json()["classes"]
    assert (known["colour"], known["key"]) == ("#ff8800", 7)
    changed(post, 0, "colour", 422, colour="red")
    changed(post, 0, "key", 422, key=10)
    changed(post, 0, "explode", 422)


def test_answers_are_given_counted_and_shown(client, seeded, post):
    for group, answer in ((0, "none"), (1, "skip")):
        label(client, seeded, group, None, answer=answer)
    state = client.get("/api/state").json()
    assert (state["none_of_these"], state["put_aside"], state["labelled"]) == (60, 60, 0)
    [labels], _ = columns(client.get("/api/labels"), "<i4")
    assert {id: int(labels[ids[0]]) for id, ids in enumerate(seeded.ids)} == {0: -2, 1: -3, 2: -1, 3: -1}
    assert [line["kind"] for line in client.get("/api/history").json()] == ["skip", "none"]
    both = label_body(seeded, 2) | {"answer": "none"}
    assert "answer" in detail(client.post("/api/labels", json=both), 422)


def test_each_browser_has_its_own_name_and_undoes_its_own(client, seeded, post):
    post("/api/labels", user="Zo%C3%AB", **without_id(label_body(seeded, 0)))
    post("/api/labels", user="Bob", **without_id(label_body(seeded, 1)))
    assert client.get("/api/state").json()["user"] == "ada"
    state = client.get("/api/state", headers={"X-Shoal-User": "Zo%C3%AB"}).json()
    assert (state["user"], state["undo"]["count"], state["undo"]["seq"]) == ("Zoë", 60, 1)
    post("/api/undo", user="Zo%C3%AB")
    assert classes(client) == {"cat": 60}
    assert client.get("/api/history/users").json() == ["Zoë", "Bob"]
    assert [line["seq"] for line in client.get("/api/history?user=0").json()] == [3, 1]
    assert "user 2" in detail(client.get("/api/history?user=2"), 404)


@pytest.mark.parametrize("name", ["", "%20", "%ff", "a%0Ab", "x" * 61, "%E2%80%AE"])
def test_a_name_that_is_none_is_refused(untouched, name):
    assert "X-Shoal-User" in detail(untouched.get("/api/state", headers={"X-Shoal-User": name}), 422)


def without_id(body):
    return {key: value for key, value in body.items() if key != "request_id"}


def test_what_changed_since_an_event(client, seeded, post):
    label(client, seeded, 0, "cat")
    label(client, seeded, 1, "dog")
    (ids, labels), seq = columns(client.get("/api/labels?since=1"), "<u4", "<i4")
    assert (seq, ids.tolist(), set(labels.tolist())) == (2, seeded.ids[1], {1})
    changed(post, 0, "merge", into=1)
    (ids, labels), seq = columns(client.get("/api/labels?since=2"), "<u4", "<i4")
    assert (seq, ids.tolist(), set(labels.tolist())) == (3, seeded.ids[0], {1})
    assert columns(client.get("/api/labels?since=3"), "<u4", "<i4")[0][0].tolist() == []
    assert "event 9" in detail(client.get("/api/labels?since=9"), 409)


def test_history_pages_filters_tells_its_items_and_reverts(client, seeded, post):
    label(client, seeded, 0, "cat")
    label(client, seeded, 1, "dog")
    lines = client.get("/api/history?limit=1&before=2").json()
    assert [(line["seq"], line["class_id"], line["detail"]) for line in lines] == [(1, 0, {})]
    assert [line["seq"] for line in client.get("/api/history?class_id=1").json()] == [2]
    [ids], _ = columns(client.get("/api/history/1/items"), "<u4")
    assert ids.tolist() == seeded.ids[0]
    assert "event 9" in detail(client.get("/api/history/9/items"), 404)
    assert post("/api/revert", seq=1)["count"] == 60
    assert classes(client) == {"dog": 60}
    newest, _, oldest = client.get("/api/history").json()
    assert (newest["kind"], newest["target"], newest["detail"]["kind"]) == ("revert", 1, "label")
    assert oldest["active"] is False
    assert "already" in post("/api/revert", 409, seq=1)["detail"]


def test_a_brush_and_any_set_of_bits_select(client, seeded: Seeded, workspace, post):
    found = workspace.map(seeded.map_id)
    a, b = seeded.middles[0], seeded.middles[1]
    brush = {"path": [list(map(float, a)), list(map(float, a))], "radius": 0.01}
    selection = {"map_id": seeded.map_id, "polygon": None, "brush": brush, "ids": [], "without": []}
    near = np.flatnonzero(((found.xy.astype(np.float64) - np.array(a)) ** 2).sum(axis=1) <= 0.0001)
    if len(near):
        assert post("/api/labels", selection=selection, class_name="cat", how="brush")["count"] == len(near)
    wide = selection | {"brush": {"path": [list(map(float, a)), list(map(float, b))], "radius": 2.0}}
    assert post("/api/labels", selection=wide, class_name="cat", how="brush")["count"] == len(found.ids)
    mask = np.zeros(240, dtype=np.bool_)
    mask[seeded.ids[2]] = True
    bits = base64.b64encode(np.packbits(mask, bitorder="little").tobytes()).decode()
    only = {"map_id": None, "polygon": None, "ids": [], "bits": bits, "without": [seeded.ids[2][0]]}
    assert post("/api/labels", selection=only, class_name="dog", how="key")["count"] == 59
    for wrong, says in ((only | {"bits": "?"}, "base64"), (wide | {"map_id": None}, "map_id")):
        refusal = post("/api/labels", 422, selection=wrong, class_name="dog", how="key")
        assert says in refusal["detail"]
