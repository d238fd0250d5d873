"""Every address over a seeded workspace: what it answers, what it refuses, what it says then."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from tests.seeded import HOSTILE_NAME

from shoal.types import Map, MapOrigin, ShoalError
from shoal.workspace import Workspace

REQUEST = "request-{:04}"
CHANGES = "ws://127.0.0.1:8765/api/changes"  # the test client would say "testserver"


def columns(answer, *kinds):
    assert answer.status_code == 200, answer.text
    header = np.frombuffer(answer.content[:16], "<u4")
    assert answer.content[:4] == b"SHL1"
    n, flags = int(header[2]), int(header[3])
    body = answer.content[16:]
    assert len(body) == 4 * n * len(kinds)
    return [np.frombuffer(body[4 * n * k : 4 * n * (k + 1)], kind) for k, kind in enumerate(kinds)], flags


def label_body(seeded, group=0, *, request_id="request-0001", class_name="cat", how="lasso", **selection):
    chosen = {"map_id": seeded.map_id, "polygon": seeded.around(group)} | selection
    return {"request_id": request_id, "selection": chosen, "class_name": class_name, "how": how}


def detail(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"detail"}
    return answer.json()["detail"]


def test_state_of_a_fresh_workspace(untouched, template):
    state = untouched.get("/api/state").json()
    assert state["items"] == {"total": 241, "embedded": 239, "pending": 0, "skipped": 2}
    assert state["layers"] == ["early", "late"]
    assert state["map"]["id"] == template.map_id
    assert state["map"]["items"] == 239
    assert state["map"]["final"] is True
    assert state["map"]["layer"] == "late"
    assert state["classes"] == []
    assert (state["user"], state["labelled"], state["label_seq"]) == ("ada", 0, 0)
    assert (state["undo"], state["redo"], state["job"]) == (None, None, None)


def test_state_of_an_empty_workspace(tmp_path, make_client):
    with Workspace.open(tmp_path / "empty.shoal", create=True) as empty:
        client = make_client(empty)
        state = client.get("/api/state").json()
        assert (state["map"], state["layers"], state["items"]["total"]) == (None, [], 0)
        assert client.get("/api/maps").json() == []
        assert columns(client.get("/api/labels"), "<i4")[0][0].tolist() == []
        assert client.get("/api/skipped").json() == []


def test_points_are_the_map(client, seeded, workspace):
    answer = client.get(f"/api/maps/{seeded.map_id}/points")
    (ids, x, y, aspect), flags = columns(answer, "<u4", "<f4", "<f4", "<f4")
    found = workspace.map(seeded.map_id)
    assert flags == 0
    assert np.array_equal(ids, found.ids)
    assert np.array_equal(np.stack([x, y], axis=1), found.xy)
    expected = [(640 / 480, 480 / 640, 1.0)[id % 3] for id in ids]
    assert np.allclose(aspect, expected)


def test_points_are_asked_again_but_sent_once(untouched, template):
    address = f"/api/maps/{template.map_id}/points"
    first = untouched.get(address)
    assert "no-cache" in first.headers["cache-control"]
    again = untouched.get(address, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert untouched.get(address, headers={"If-None-Match": '"other"'}).status_code == 200


def test_another_server_start_does_not_answer_from_the_old_etag(workspace, seeded, make_client):
    address = f"/api/maps/{seeded.map_id}/points"
    old = make_client(workspace).get(address).headers["etag"]
    assert make_client(workspace).get(address, headers={"If-None-Match": old}).status_code == 200


def test_an_unknown_map_is_named(untouched):
    assert "999" in detail(untouched.get("/api/maps/999/points"), 404)


def test_a_lasso_labels_exactly_its_group(client, seeded):
    answer = client.post("/api/labels", json=label_body(seeded, 1))
    assert answer.json() == {"seq": 1, "count": 60, "class_id": 0, "label_seq": 1}
    [labels], flags = columns(client.get("/api/labels"), "<i4")
    assert flags == 1
    assert np.flatnonzero(labels == 0).tolist() == seeded.ids[1]
    assert len(labels) == 240
    state = client.get("/api/state").json()
    assert state["classes"] == [{"id": 0, "name": "cat", "key": 1, "count": 60, "colour": None}]
    assert (state["labelled"], state["undo"]["count"], state["undo"]["class_name"]) == (60, 60, "cat")


def test_ids_are_added_and_strangers_taken_out(client, seeded):
    extra, stranger = seeded.ids[2][0], seeded.ids[0][5]
    body = label_body(seeded, 0, ids=[extra, seeded.ids[0][1]], without=[stranger])
    assert client.post("/api/labels", json=body).json()["count"] == 60
    [labels], _ = columns(client.get("/api/labels"), "<i4")
    assert set(np.flatnonzero(labels == 0)) == set(seeded.ids[0]) - {stranger} | {extra}


def test_the_same_request_counts_once(client, seeded):
    first = client.post("/api/labels", json=label_body(seeded, 0)).json()
    client.post("/api/labels", json=label_body(seeded, 1, request_id="request-0002", class_name="dog"))
    again = client.post("/api/labels", json=label_body(seeded, 0)).json()
    assert again["label_seq"] == 2
    assert {**again, "label_seq": 1} == first
    assert len(client.get("/api/history").json()) == 2


def test_undo_and_redo_are_events_and_idempotent_too(client, seeded):
    client.post("/api/labels", json=label_body(seeded, 0))
    undone = client.post("/api/undo", json={"request_id": "request-undo"}).json()
    assert client.post("/api/undo", json={"request_id": "request-undo"}).json()["seq"] == undone["seq"]
    state = client.get("/api/state").json()
    assert (state["labelled"], state["undo"], state["redo"]["count"]) == (0, None, 60)
    assert "undo" in detail(client.post("/api/undo", json={"request_id": "request-more"}), 409)
    client.post("/api/redo", json={"request_id": "request-redo"})
    assert client.get("/api/state").json()["labelled"] == 60
    assert "redo" in detail(client.post("/api/redo", json={"request_id": "request-last"}), 409)
    assert [event["kind"] for event in client.get("/api/history").json()] == ["redo", "undo", "label"]


def test_an_undo_names_the_gesture_it_takes_back(client, seeded):
    client.post("/api/labels", json=label_body(seeded, 0))
    client.post("/api/labels", json=label_body(seeded, 1, request_id="request-0002", class_name="dog"))
    body = {"request_id": "request-undo", "gesture": label_body(seeded, 0)["request_id"]}
    assert client.post("/api/undo", json=body).json()["count"] == 60
    counts = [(one["name"], one["count"]) for one in client.get("/api/state").json()["classes"]]
    assert counts == [("dog", 60)]
    assert "taken back already" in detail(
        client.post("/api/undo", json={**body, "request_id": "undo-2nd"}), 409
    )


def test_clearing_is_a_gesture(client, seeded):
    client.post("/api/labels", json=label_body(seeded, 0))
    client.post(
        "/api/labels", json=label_body(seeded, 0, request_id="request-0002", class_name=None, how="key")
    )
    assert client.get("/api/state").json()["labelled"] == 0
    assert client.get("/api/history?limit=1").json()[0]["kind"] == "clear"


def test_the_first_nine_classes_have_keys(client):
    for k in range(11):
        answer = client.post("/api/classes", json={"request_id": REQUEST.format(k), "name": f"class {k}"})
        assert answer.json()["class_id"] == k
    keys = [known["key"] for known in client.get("/api/state").json()["classes"]]
    assert keys == [1, 2, 3, 4, 5, 6, 7, 8, 9, None, None]


def test_a_lasso_on_a_collected_draft_still_counts(client, seeded, workspace):
    origin = MapOrigin("pca", {}, 0, "placeholder", "seeded-1", "late")
    found = workspace.map(seeded.map_id)
    draft = workspace.save_map(Map(found.xy, found.ids, origin), final=False)
    client.get(f"/api/maps/{draft}/points")
    for _ in range(4):
        workspace.save_map(Map(found.xy, found.ids, origin), final=False)
    assert draft not in [row.id for row in workspace.maps()]
    answer = client.post("/api/labels", json=label_body(seeded, 0, map_id=draft))
    assert (answer.status_code, answer.json()["count"]) == (200, 60)


def test_ids_need_no_map_even_when_they_name_one_that_is_gone(client, seeded, workspace):
    body = label_body(seeded, 0, map_id=999, polygon=None, ids=seeded.ids[0])
    assert client.post("/api/labels", json=body).json()["count"] == 60
    [event] = workspace.log.history()
    assert (event.map_id, event.count) == (999, 60)
    assert workspace.verify() == []


def test_a_selection_may_name_a_hundred_thousand_ids(client, seeded):
    ids = (seeded.ids[0] * 1700)[:100_000]
    for selection in ({"ids": ids}, {"ids": [1], "without": ids}):
        body = label_body(seeded, request_id=f"request-{len(selection)}", map_id=None, polygon=None)
        body["selection"] = selection
        answer = client.post("/api/labels", json=body)
        assert answer.status_code == 200, answer.text


def test_what_is_for_another_workspace_is_refused(client, seeded, workspace):
    other, ours = ({"X-Shoal-Workspace": id} for id in ("0" * 32, workspace.uuid))
    assert "another" in detail(client.post("/api/labels", json=label_body(seeded), headers=other), 421)
    assert client.get("/api/state", headers=other).json()["label_seq"] == 0
    assert client.post("/api/labels", json=label_body(seeded), headers=ours).status_code == 200
    assert client.get("/api/state").json()["workspace_id"] == workspace.uuid


def test_lassos_that_take_long_wait_for_each_other_and_keep_nobody_else_out(client, seeded, monkeypatch):
    from shoal.server.routes import labels

    real, at_once, most, go_on = labels.resolve, [], [], threading.Event()

    def slow(selection, maps):
        at_once.append(selection)
        most.append(len(at_once))
        go_on.wait(60)  # far longer than any machine takes to ask for the state beside it
        at_once.pop()
        return real(selection, maps)

    monkeypatch.setattr(labels, "resolve", slow)
    count = 60  # more than the threads there are for requests
    with ThreadPoolExecutor(count) as pool:
        bodies = [label_body(seeded, k % 4, request_id=REQUEST.format(k)) for k in range(count)]
        answers = [pool.submit(client.post, "/api/labels", json=body) for body in bodies]
        while not most:
            time.sleep(0.01)
        time.sleep(0.5)
        try:
            assert client.get("/api/state").status_code == 200
            assert not any(answer.done() for answer in answers)
        finally:
            go_on.set()
        assert {answer.result().status_code for answer in answers} == {200}
    assert max(most) <= 2


REFUSED = [
    ({"selection": {"ids": []}}, 422, "no item"),
    ({"selection": {"ids": [1], "without": [1]}}, 422, "no item"),
    ({"selection": {"polygon": [[0, 0], [1, 0], [1, 1]]}}, 422, "map_id"),
    ({"selection": {"polygon": [[0, 0], [1, 0], [1, 1]], "map_id": 999}}, 404, "999"),
    ({"selection": {"polygon": [[0, 0], [1, 0]], "map_id": 1}}, 422, "selection.polygon"),
    ({"selection": {"polygon": [[0, 0]] * 4097, "map_id": 1}}, 422, "selection.polygon"),
    ({"selection": {"polygon": [[0, 0], [1, "0"], [1, 1]], "map_id": 1}}, 422, "selection.polygon.1.1"),
    ({"selection": {"polygon": [[0, 0], [1, 1e7], [1, 1]], "map_id": 1}}, 422, "selection.polygon.1.1"),
    ({"selection": {"ids": [False]}}, 422, "selection.ids.0"),
    ({"selection": {"ids": [1.0]}}, 422, "selection.ids.0"),
    ({"selection": {"ids": ["1"]}}, 422, "selection.ids.0"),
    ({"selection": {"ids": [-1]}}, 422, "selection.ids.0"),
    ({"selection": {"ids": [2**31]}}, 422, "selection.ids.0"),
    ({"selection": {"ids": [10**40]}}, 422, "selection.ids.0"),
    ({"selection": {"ids": list(range(100_001))}}, 422, "selection.ids"),
    ({"selection": {"ids": [5000]}}, 409, "5000"),
    ({"selection": {"ids": [1], "path": "/etc/passwd"}}, 422, "selection.path"),
    ({"selection": None}, 422, "selection"),
    ({"request_id": "short"}, 422, "request_id"),
    ({"request_id": "with space"}, 422, "request_id"),
    ({"request_id": "x" * 65}, 422, "request_id"),
    ({"class_name": ""}, 422, "class_name"),
    ({"class_name": "   "}, 409, "name"),
    ({"class_name": "a\x00b"}, 409, "name"),
    ({"class_name": "x" * 201}, 422, "class_name"),
    ({"class_name": 7}, 422, "class_name"),
    ({"how": "telepathy"}, 422, "how"),
    ({"extra": 1}, 422, "extra"),
]


@pytest.mark.parametrize(("change", "status", "says"), REFUSED, ids=[str(case)[:60] for case in REFUSED])
def test_a_wrong_label_is_refused_by_name_and_changes_nothing(untouched, change, status, says):
    body = {
        "request_id": "request-0001",
        "selection": {"ids": [1]},
        "class_name": "cat",
        "how": "key",
    } | change
    assert says in detail(untouched.post("/api/labels", json=body), status)
    assert untouched.get("/api/state").json()["label_seq"] == 0


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "application/json"),
        (b"{", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"null", "application/json"),
        (b'{"request_id": "request-0001", "name": "\\ud800"}', "application/json"),
        (b'{"request_id": "request-0001", "name": "\xff"}', "application/json"),
        (b'{"request_id": "request-0001", "name": "cat"}', "text/plain"),
        (b"request_id=request-0001&name=cat", "application/x-www-form-urlencoded"),
    ],
)
def test_a_body_that_is_not_json_is_refused(untouched, content, kind):
    answer = untouched.post("/api/classes", content=content, headers={"Content-Type": kind})
    detail(answer, 422)
    assert untouched.get("/api/state").json()["classes"] == []


def test_a_mosaic_has_each_item_in_its_cell(untouched, template):
    ids = [template.ids[0][0], template.ids[1][0], template.ids[2][0], 4000]
    answer = untouched.post("/api/thumbnails", json={"size": 64, "ids": ids})
    assert answer.headers["content-type"] == "image/jpeg"
    mosaic = np.asarray(Image.open(BytesIO(answer.content))).astype(int)
    assert mosaic.shape == (64, 1024, 3)
    assert answer.headers["x-shoal-missing"] == "3"
    wanted = [(0xD1, 0x49, 0x5B), (0x00, 0x79, 0x8C), (0xED, 0xAE, 0x49), (128, 128, 128)]
    for cell, colour in enumerate(wanted):
        # Just inside the left or the upper rim, where the group's colour is whatever the aspect ratio.
        middle = mosaic[30:34, cell * 64 : cell * 64 + 64].reshape(-1, 3)
        assert (np.abs(middle - np.array(colour)).max(axis=1) < 24).any(), cell


def test_a_mosaic_that_does_not_fit_says_how_many_do(untouched):
    assert "256" in detail(untouched.post("/api/thumbnails", json={"size": 64, "ids": [1] * 257}), 422)
    assert untouched.post("/api/thumbnails", json={"size": 64, "ids": [1] * 256}).status_code == 200
    assert "size" in detail(untouched.post("/api/thumbnails", json={"size": 65, "ids": [1]}), 422)
    assert "ids" in detail(untouched.post("/api/thumbnails", json={"size": 64, "ids": []}), 422)


def test_a_mosaic_names_the_cells_without_a_picture(untouched, template):
    there, gone = template.ids[0][0], 4000
    answer = untouched.post("/api/thumbnails", json={"size": 64, "ids": [gone, there, gone, there, gone]})
    assert answer.headers["x-shoal-missing"] == "0,2,4"
    whole = untouched.post("/api/thumbnails", json={"size": 64, "ids": [there]})
    assert "x-shoal-missing" not in whole.headers


def test_one_thumbnail_keeps_its_shape_and_is_sent_once(untouched, template):
    id = template.ids[0][0]
    answer = untouched.get(f"/api/items/{id}/thumbnail/256")
    image = Image.open(BytesIO(answer.content))
    assert max(image.size) == 256
    again = untouched.get(f"/api/items/{id}/thumbnail/256", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert "4000" in detail(untouched.get("/api/items/4000/thumbnail/256"), 404)
    assert untouched.get(f"/api/items/{id}/thumbnail/257").status_code == 422


def test_an_item_is_described_with_its_name_as_it_is(client, workspace, seeded):
    id = list(workspace.items.names).index(HOSTILE_NAME)
    item = client.get(f"/api/items/{id}").json()
    assert item["name"] == HOSTILE_NAME
    assert item["class_name"] is None
    assert (item["width"], item["height"]) == [(640, 480), (480, 640), (512, 512)][id % 3]
    client.post("/api/labels", json=label_body(seeded, 0, class_name="<script>alert(1)</script>"))
    assert client.get(f"/api/items/{id}").json()["class_name"] == "<script>alert(1)</script>"
    assert "4000" in detail(client.get("/api/items/4000"), 404)
    assert client.get("/api/items/2147483648").status_code == 422


def test_a_skipped_item_says_why(untouched):
    skipped = untouched.get("/api/skipped").json()
    assert {entry["reason"] for entry in skipped} == {"the file is truncated", "not an image"}
    assert len(untouched.get("/api/skipped?limit=1").json()) == 1
    assert untouched.get("/api/skipped?limit=0").status_code == 422


BUSY = ShoalError("cannot read the catalogue: database is locked")
BUSY.__cause__ = OSError("database is locked")


@pytest.mark.parametrize(
    ("part", "method", "address"),
    [
        ("maps", "get", "/api/maps/{map}/points"),
        ("map", "get", "/api/maps/{map}/points"),
        ("maps", "post", "/api/labels"),
        ("map", "post", "/api/labels"),
        ("item", "get", "/api/items/1"),
        ("jobs.get", "post", "/api/jobs/1/cancel"),
    ],
)
def test_busy_is_not_gone(workspace, make_client, monkeypatch, seeded, part, method, address):
    """A 404 tells the page that its gesture is refused for ever; a 503 that it shall try again."""

    def busy(*_):
        raise BUSY

    if part == "maps":  # an unknown map, and no list to know it by
        monkeypatch.setattr(workspace, "maps", busy)
        id = 999
    else:
        room, _, name = part.rpartition(".")
        monkeypatch.setattr(getattr(workspace, room) if room else workspace, name, busy)
        id = seeded.map_id
    client = make_client(workspace)
    body = {"json": label_body(seeded, map_id=id)} if address == "/api/labels" else {}
    assert "locked" in detail(getattr(client, method)(address.format(map=id), **body), 503)


def test_a_damaged_map_is_not_gone_either(client, seeded, workspace):
    [file] = (seeded.path / "maps").iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    assert "damaged" in detail(client.post("/api/labels", json=label_body(seeded)), 409)
    file.unlink()
    assert detail(client.post("/api/labels", json=label_body(seeded)), 409)


def test_jobs_are_started_once_and_cancelled_by_request(workspace, make_client):
    started = []

    def start_job(kind, parameters):
        started.append(workspace.jobs.create(kind, parameters))
        return started[-1]

    client = make_client(workspace, start_job=start_job)
    assert client.get("/api/jobs").json() == []
    job = client.post("/api/jobs", json={"kind": "map"})
    assert (job.status_code, job.json()["state"]) == (202, "queued")
    assert str(started[0]) in detail(client.post("/api/jobs", json={"kind": "map"}), 409)
    assert len(started) == 1
    assert client.post(f"/api/jobs/{started[0]}/cancel").status_code == 202
    assert workspace.jobs.cancel_requested(started[0])
    workspace.jobs.finish(started[0], "cancelled", "stopped")
    assert client.post(f"/api/jobs/{started[0]}/cancel").json()["state"] == "cancelled"
    assert client.get("/api/state").json()["job"]["message"] == "stopped"
    assert "999" in detail(client.post("/api/jobs/999/cancel"), 404)
    assert "kind" in detail(client.post("/api/jobs", json={"kind": "rm"}), 422)


def test_a_job_takes_the_parameters_of_its_kind_and_no_others(workspace, make_client):
    client = make_client(workspace, start_job=workspace.jobs.create)
    for body in (
        {"kind": "layer_map"},
        {"kind": "layer_map", "parameters": {"layer": ""}},
        {"kind": "layer_map", "parameters": {"layer": "early", "path": "/etc"}},
        {"kind": "map", "parameters": {"layer": "early"}},
        {"kind": "learn", "parameters": {"dim": 0}},
        {"kind": "learn", "parameters": {"dim": 2.5}},
    ):
        assert detail(client.post("/api/jobs", json=body), 422)
    body = {"kind": "layer_map", "parameters": {"layer": "early"}}
    job = client.post("/api/jobs", json=body).json()
    assert (job["kind"], job["parameters"]) == ("layer_map", {"layer": "early"})
    assert workspace.jobs.latest().parameters == {"layer": "early"}


def test_a_server_that_starts_no_work_says_so(untouched):
    assert "shoal map" in detail(untouched.post("/api/jobs", json={"kind": "map"}), 409)


def test_exports_come_from_the_functions_given(workspace, make_client):
    exporters = {"csv": lambda ws: b"path,class\n", "jsonl": lambda ws: iter([b"{}\n", b"{}\n"])}
    client = make_client(workspace, exporters=exporters)
    csv = client.get("/api/export/labels.csv")
    assert csv.content == b"path,class\n"
    assert csv.headers["content-disposition"] == 'attachment; filename="labels.csv"'
    assert csv.headers["content-type"].startswith("text/csv")
    assert client.get("/api/export/labels.jsonl").content == b"{}\n{}\n"
    assert "parquet" in detail(client.get("/api/export/labels.parquet"), 404)
    assert client.get("/api/export/labels.exe").status_code == 422


def test_changes_are_told_at_once_and_when_they_happen(client, seeded):
    with client.websocket_connect(CHANGES) as one, client.websocket_connect(CHANGES) as two:
        first = one.receive_json()
        assert set(first) == {"revision", "label_seq"}
        assert two.receive_json() == first
        client.post("/api/labels", json=label_body(seeded, 0))
        for socket in (one, two):
            change = socket.receive_json()
            assert change["label_seq"] == 1
            assert change["revision"] > first["revision"]
    with client.websocket_connect(CHANGES) as later:
        assert later.receive_json()["label_seq"] == 1


def test_another_process_is_noticed(client, seeded):
    with client.websocket_connect(CHANGES) as socket, Workspace.open(seeded.path) as other:
        assert socket.receive_json()["label_seq"] == 0
        other.log.label([1, 2], "cat", user="cli", how="import")
        assert socket.receive_json()["label_seq"] == 1
        [labels], _ = columns(client.get("/api/labels"), "<i4")
        assert labels[[1, 2]].tolist() == [0, 0]


def test_a_moment_without_the_catalogue_ends_no_socket(workspace, make_client, monkeypatch):
    answers = iter([ShoalError("busy"), RuntimeError("what nobody thought of"), ShoalError("busy")])
    real = workspace.revision

    def revision():
        for error in answers:
            raise error
        return real()

    monkeypatch.setattr(workspace, "revision", revision)
    with make_client(workspace).websocket_connect(CHANGES) as socket:
        assert socket.receive_json()["label_seq"] == 0


def test_many_at_once_lose_nothing_and_count_no_retry_twice(client, seeded):
    """Eight threads label, each gesture sent twice, beside readers of everything."""

    def send(k):
        body = label_body(seeded, k % 4, request_id=REQUEST.format(k // 2), class_name=f"c{k // 2}")
        return client.post("/api/labels", json=body).json()["seq"]

    def read(k):
        address = ("/api/state", "/api/labels", f"/api/maps/{seeded.map_id}/points", "/api/history")[k % 4]
        return client.get(address).status_code

    with ThreadPoolExecutor(8) as pool:
        reads = pool.map(read, range(40))
        seqs = list(pool.map(send, range(40)))
        assert set(reads) == {200}
    assert seqs[::2] == seqs[1::2]
    assert sorted(seqs[::2]) == list(range(1, 21))


def test_a_failure_names_its_kind_and_shows_no_trace(workspace, make_client, monkeypatch):
    client = make_client(workspace)
    monkeypatch.setattr(type(workspace), "skipped", lambda self: 1 / 0)
    answer = detail(client.get("/api/skipped"), 500)
    assert "ZeroDivisionError" in answer
    assert "Traceback" not in answer
    assert "skipped" not in answer


def test_a_full_disk_says_try_again(workspace, make_client, monkeypatch, seeded):
    def full(self, *args, **kwargs):
        raise ShoalError("the disk is full") from OSError(28, "No space left on device")

    client = make_client(workspace)
    monkeypatch.setattr(type(workspace.log), "label", full)
    assert detail(client.post("/api/labels", json=label_body(seeded, 0)), 503) == "the disk is full"


@pytest.mark.parametrize(
    "address", ["/api/nothing", "/api/", "/nothing", "/assets/../app.py", "/docs", "/openapi.json"]
)
def test_what_there_is_not(untouched, address):
    assert untouched.get(address).status_code in (404, 503)
    assert untouched.post(address).status_code in (404, 405)
