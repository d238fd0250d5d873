"""Finding, filtering, metadata and large pictures over the wire."""

import struct
from datetime import UTC, datetime

import numpy as np
import pytest
from tests.million import seed_million
from tests.pictures import paint_pile

from shoal.columns import import_columns
from shoal.looking import open_doors
from shoal.recipe import Recipe, Task
from shoal.types import ShoalError
from shoal.workspace import Workspace


def unpack(body: bytes, kinds: str) -> list[np.ndarray]:
    magic, version, columns, n, _ = struct.unpack_from("<4sHHII", body)
    assert (magic, version, columns) == (b"SHL1", 1, len(kinds))
    types = {"u": "<u4", "i": "<i4", "f": "<f4"}
    return [np.frombuffer(body, types[kind], n, 16 + 4 * n * place) for place, kind in enumerate(kinds)]


@pytest.fixture
def seeing(workspace, make_client):
    return make_client(workspace, doors=open_doors(workspace))


def detail(response, status: int) -> str:
    assert response.status_code == status, response.text
    return response.json()["detail"]


def test_similar_items_are_of_the_same_group(seeing, seeded):
    body = {"selection": {"ids": seeded.ids[1][:3]}, "count": 20}
    ids, cosines = unpack(seeing.post("/api/similar", json=body).content, "uf")
    assert len(ids) == 20
    assert set(ids.tolist()) <= set(seeded.ids[1][3:])
    assert (np.diff(cosines) <= 0).all()
    both = {"selection": {"ids": [seeded.ids[0][0], seeded.ids[2][0]]}, "count": 40, "how": "max"}
    ids, _ = unpack(seeing.post("/api/similar", json=both).content, "uf")
    assert {any(id in group for id in ids) for group in (seeded.ids[0], seeded.ids[2])} == {True}
    early = seeing.post("/api/similar", json={**body, "layer": "early"})
    assert len(unpack(early.content, "uf")[0]) == 20
    assert "deep" in detail(seeing.post("/api/similar", json={**body, "layer": "deep"}), 409)


def test_a_lasso_learns_what_it_missed_and_took(seeing, seeded):
    missed, stranger = seeded.ids[0][:3], seeded.ids[1][0]
    taken = [*seeded.ids[0][3:], stranger]
    body = {"selection": {"ids": taken}, "map_id": seeded.map_id}
    answer = seeing.post("/api/beyond", json=body)
    ids, inside, share = unpack(answer.content, "uif")
    assert set(ids[inside == 0].tolist()) == set(missed)
    assert ids[inside == 1].tolist() == [stranger]
    assert share[inside == 0].min() >= 0.6
    assert 0 <= float(answer.headers["X-Shoal-Trust"]) <= 1


def test_odd_labels_name_the_class_of_the_neighbours(seeing, seeded, workspace):
    for group, name in enumerate(("a", "b", "c", "d")):
        workspace.label(seeded.ids[group], name)
    wrong = seeded.ids[2][5]
    workspace.label([wrong], "a")
    ids, classes, share = unpack(seeing.post("/api/find", json={"kind": "odd"}).content, "uif")
    names = {row.id: row.name for row in workspace.log.classes()}
    assert [(int(id), names[int(of)]) for id, of in zip(ids, classes, strict=True)] == [(wrong, "c")]
    assert share[0] == 1.0


def test_outliers_and_duplicates_answer(seeing):
    for kind in ("outliers", "duplicates"):
        ids, numbers, scores = unpack(seeing.post("/api/find", json={"kind": kind}).content, "uif")
        assert len(ids) == len(numbers) == len(scores)
    assert detail(seeing.post("/api/find", json={"kind": "everything"}), 422)


def test_a_server_without_doors_says_so(client, seeded):
    body = {"selection": {"ids": [seeded.ids[0][0]]}}
    assert "cannot search" in detail(client.post("/api/similar", json=body), 409)
    assert client.get("/api/columns").json() == []
    assert detail(client.get("/api/columns/1"), 404)
    assert detail(client.get(f"/api/items/{seeded.ids[0][0]}/picture"), 404)
    assert client.get("/api/maps/1/quality").status_code == 409


def test_folders_are_a_column(seeing, seeded):
    columns = {row["name"]: row for row in seeing.get("/api/columns").json()}
    assert list(columns)[:4] == ["Folder", "Type", "Date", "Width"]
    names = seeing.get(f"/api/columns/{columns['Folder']['id']}/categories").json()
    [places] = unpack(seeing.get(f"/api/columns/{columns['Folder']['id']}").content, "f")
    for group, ids in enumerate(seeded.ids):
        assert {names[int(places[id])] for id in ids} == {f"group{group}"}
    [widths] = unpack(seeing.get(f"/api/columns/{columns['Width']['id']}").content, "f")
    assert {float(widths[id]) for id in seeded.ids[0]} <= {640.0, 480.0, 512.0}
    [broken] = set(range(len(widths))) - {id for ids in seeded.ids for id in ids}
    assert np.isnan(widths[broken])
    assert detail(seeing.get("/api/columns/99/categories"), 404)
    assert detail(seeing.get("/api/columns/99"), 404)


def test_twenty_thousand_different_texts_are_a_column_and_the_rarest_share_a_category(tmp_path, make_client):
    seed_million(tmp_path / "many.shoal", n=20_000)
    rows = [f"{id:07}.png,{'common' if id % 4 == 0 else f'place {id}'}" for id in range(20_000)]
    (tmp_path / "field.csv").write_text("\n".join(["path,place", *rows]))
    with Workspace.open(tmp_path / "many.shoal") as workspace:
        import_columns(workspace, tmp_path / "field.csv")
        client = make_client(workspace, doors=open_doors(workspace))
        [place] = [row for row in client.get("/api/columns").json() if row["name"] == "place"]
        assert (place["kind"], place["categories"]) == ("category", 10_000)
        names = client.get(f"/api/columns/{place['id']}/categories").json()
        assert (names[0], names[-1]) == ("common", "(others: 5,002 different)")
        [values] = unpack(client.get(f"/api/columns/{place['id']}").content, "f")
        assert (values == 0).sum() == 5000
        assert (values == 9999).sum() == 5002
        assert names[int(values[1])] in ("place 1", names[-1])
        chosen = {"columns": [{"column": place["id"], "categories": [9999], "low": None, "high": None}]}
        [ids] = unpack(client.post("/api/passing", json=chosen).content, "u")
        assert ids.tolist() == np.flatnonzero(values == 9999).tolist()


def test_a_table_beside_the_pile_becomes_columns(seeing, seeded, workspace, tmp_path):
    names = workspace.items.names
    rows = [
        f"{names[id]},{day},{'dusk' if day % 2 else 'dawn'},2024-05-{1 + day:02}"
        for day, id in enumerate(seeded.ids[1][:20])
    ]
    (tmp_path / "field.csv").write_text("\n".join(["path,gain,light,taken", *rows, "nobody.png,1,dusk,"]))
    found, count, unmatched = import_columns(workspace, tmp_path / "field.csv")
    assert (found, count, unmatched) == (["gain", "light", "taken"], 20, ["nobody.png"])
    import_columns(workspace, tmp_path / "field.csv")  # again: in its own place
    columns = {row["name"]: row for row in seeing.get("/api/columns").json()}
    assert [columns[name]["kind"] for name in found] == ["number", "category", "date"]
    assert columns["light"]["origin"] == "field.csv"
    [gain] = unpack(seeing.get(f"/api/columns/{columns['gain']['id']}").content, "f")
    assert [gain[id] for id in seeded.ids[1][:20]] == list(range(20))
    assert np.isnan(gain[seeded.ids[0]]).all()
    [taken] = unpack(seeing.get(f"/api/columns/{columns['taken']['id']}").content, "f")
    first = datetime(2024, 5, 1, tzinfo=UTC).timestamp() / 86_400
    assert taken[seeded.ids[1][0]] == first

    def passing(**wanted):
        body = {"columns": [{"column": columns["gain"]["id"], **wanted}]}
        return unpack(seeing.post("/api/passing", json=body).content, "u")[0].tolist()

    assert passing(low=5, high=7) == sorted(seeded.ids[1][5:8])
    assert passing(low=18) == sorted(seeded.ids[1][18:20])
    light = {"columns": [{"column": columns["light"]["id"], "categories": [0]}], "text": "GROUP1/"}
    assert len(unpack(seeing.post("/api/passing", json=light).content, "u")[0]) == 10


def test_tables_that_say_nothing_are_refused(workspace, tmp_path):
    for name, text, why in (
        ("a.csv", "name,x\na,1\n", "one column 'path'"),
        ("b.csv", "path\ngroup0\n", "no column besides"),
        ("c.csv", "path,x\nnobody.png,1\n", "names no item"),
        ("d.txt", "path,x\n", "suffix"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(ShoalError, match=why):
            import_columns(workspace, tmp_path / name)


def test_a_lasso_takes_only_what_passes_its_filter(seeing, seeded, workspace):
    folder = next(row for row in seeing.get("/api/columns").json() if row["name"] == "Folder")
    names = seeing.get(f"/api/columns/{folder['id']}/categories").json()
    workspace.label(seeded.ids[0][:10], "known")
    everything = [[-1.0, -1.0], [2.0, -1.0], [2.0, 2.0], [-1.0, 2.0]]
    body = {
        "request_id": "filtered-lasso",
        "selection": {
            "map_id": seeded.map_id,
            "polygon": everything,
            "filter": {
                "labelled": False,
                "columns": [{"column": folder["id"], "categories": [names.index("group0")]}],
            },
        },
        "class_name": "new",
        "how": "lasso",
    }
    assert seeing.post("/api/labels", json=body).json()["count"] == len(seeded.ids[0]) - 10
    assert {row.name: row.count for row in workspace.log.classes()} == {
        "known": 10,
        "new": len(seeded.ids[0]) - 10,
    }
    known = next(row.id for row in workspace.log.classes() if row.name == "known")
    ids = unpack(seeing.post("/api/passing", json={"classes": [known]}).content, "u")[0]
    assert ids.tolist() == sorted(seeded.ids[0][:10])
    assert detail(seeing.post("/api/passing", json={"columns": [{"column": 77}]}), 404)


def test_layers_with_their_maps_and_the_quality_of_one(seeing, seeded, workspace):
    layers = seeing.get("/api/layers").json()
    assert [(row["name"], row["map"] and row["map"]["id"]) for row in layers] == [
        ("early", None),
        ("late", seeded.map_id),
    ]
    quality = seeing.get(f"/api/maps/{seeded.map_id}/quality").json()
    assert (quality["labelled"], quality["silhouette"]) == (0, None)
    for group, name in enumerate("abcd"):
        workspace.label(seeded.ids[group], name)
    quality = seeing.get(f"/api/maps/{seeded.map_id}/quality").json()
    assert (quality["labelled"], quality["classes"]) == (sum(map(len, seeded.ids)), 4)
    assert quality["silhouette"] > 0.5
    assert quality["map_accuracy"] > 0.95
    assert quality["layer_accuracy"] > 0.95
    assert detail(seeing.get("/api/maps/999/quality"), 404)


def test_the_viewer_gets_a_large_picture_of_its_own(tmp_path, make_client):
    from io import BytesIO

    from PIL import Image

    from shoal.pipeline import make_map

    pile = paint_pile(tmp_path / "pile", per_group=2)
    large = Image.linear_gradient("L").resize((3000, 1500))
    large.save(pile / "wide.png")
    with Workspace.open(tmp_path / "w.shoal", create=True) as workspace:
        make_map(workspace, Task([str(pile)]), recipe=Recipe(backbone="placeholder"))
        client = make_client(workspace, doors=open_doors(workspace))
        wide = next(item.id for item in workspace.items if item.name == "wide.png")
        answer = client.get(f"/api/items/{wide}/picture")
        assert answer.headers["content-type"] == "image/jpeg"
        picture = Image.open(BytesIO(answer.content))
        assert (picture.format, picture.size) == ("JPEG", (1024, 512))
        (pile / "wide.png").write_bytes(b"no picture any more")
        small = next(item.id for item in workspace.items if item.name != "wide.png")
        assert client.get(f"/api/items/{small}/picture").status_code == 200
        assert detail(client.get("/api/items/99999/picture"), 404)
        fresh = make_client(workspace, doors=open_doors(workspace))
        assert "no picture: not an image" in detail(fresh.get(f"/api/items/{wide}/picture"), 404)
