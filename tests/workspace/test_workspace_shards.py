"""Shards: their plan never moves, a commit is all or nothing and counts once, reads give back what came."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest
from tests.workspace.piles import BROKEN, LAYERS, MemoryPile, embed, embed_all, numbered

from shoal.types import Layer
from shoal.workspace import Workspace, WorkspaceError
from shoal.workspace.locks import embedding_lock


def test_the_first_shards_are_small_and_the_plan_is_fixed(tmp_path):
    pile = numbered(2500)
    with Workspace.open(tmp_path / "w", create=True) as ws:
        ws.reconcile(pile)
        plan = ws.pending_shards()
        assert [len(shard.ids) for shard in plan] == [256, 768, 1024, 452]
        assert np.concatenate([shard.ids for shard in plan]).tolist() == list(range(2500))
        ws.use_backbone("net", "net-1", LAYERS)
        ws.commit_shard(plan[1], embed(plan[1], pile))
    with Workspace.open(tmp_path / "w") as ws:
        ws.reconcile(pile)
        rest = ws.pending_shards()
        assert [shard.number for shard in rest] == [0, 2, 3]
        for shard, planned in zip(rest, [plan[0], plan[2], plan[3]], strict=True):
            assert np.array_equal(shard.ids, planned.ids)
            assert shard.keys == planned.keys


def test_vectors_come_back_by_layer_and_by_id(ws):
    pile = numbered(300)
    ws.reconcile(pile)
    ws.use_backbone("net", "net-1", LAYERS)
    given = {}
    for shard in reversed(ws.pending_shards()):
        result = embed(shard, pile)
        backwards = np.arange(len(result.ids))[::-1]
        result = replace(
            result,
            ids=result.ids[backwards],
            vectors={name: vectors[backwards] for name, vectors in result.vectors.items()},
            thumbnails={size: list(reversed(t)) for size, t in result.thumbnails.items()},
            sizes=result.sizes[backwards],
            digests=list(reversed(result.digests)),
        )
        ws.commit_shard(shard, result)
        for layer, vectors in result.vectors.items():
            given |= {(layer, id): row.tolist() for id, row in zip(result.ids.tolist(), vectors, strict=True)}
    for layer in LAYERS:
        embedding = ws.embedding(layer.name)
        assert embedding.vectors.dtype == np.float16
        assert embedding.vectors.shape == (300, layer.width)
        assert embedding.ids.tolist() == list(range(300))
        assert embedding.vectors.tolist() == [given[layer.name, id] for id in range(300)]
        assert (embedding.backbone, embedding.fingerprint, embedding.layer) == ("net", "net-1", layer.name)
    some = ws.embedding("early", np.array([270, 3, 3, 41]))
    assert some.ids.tolist() == [3, 41, 270]
    assert some.vectors.tolist() == [given["early", id] for id in (3, 41, 270)]
    assert ws.embedding().layer == "late/deep"
    keys = ws.items.keys
    ids = [7, 299, 0, 7]
    assert ws.thumbnails(ids, 32) == [b"32:" + pile.things[keys[id]] for id in ids]
    assert ws.thumbnails([0, 300, -1, 5], 999) == [None] * 4
    assert ws.thumbnails([300, -1], 32) == [None, None]


def test_another_backbone_is_refused_by_name(ws):
    ws.use_backbone("net", "net-1", LAYERS)
    ws.use_backbone("net", "net-1", LAYERS)
    with pytest.raises(WorkspaceError, match=r"vectors of net \(net-1\); vectors of web \(web-2\)"):
        ws.use_backbone("web", "web-2", LAYERS)
    with pytest.raises(WorkspaceError, match="layers"):
        ws.use_backbone("net", "net-1", LAYERS[:1])
    assert ws.backbone().layers == ("early", "late/deep")
    assert ws.backbone().widths == (4, 6)


def test_a_commit_counts_once(ws):
    pile = numbered(5)
    ws.reconcile(pile)
    ws.use_backbone("net", "net-1", LAYERS)
    [shard] = ws.pending_shards()
    ws.commit_shard(shard, embed(shard, pile))
    revision, files = ws.revision(), sorted(ws.path.rglob("*-*.*"))
    ws.commit_shard(shard, embed(shard, pile))
    assert (ws.revision(), sorted(ws.path.rglob("*-*.*"))) == (revision, files)
    assert ws.counts().embedded == 5


def test_vectors_of_a_file_that_changed_meanwhile_are_not_taken(ws):
    pile = numbered(5)
    ws.reconcile(pile)
    ws.use_backbone("net", "net-1", LAYERS)
    [shard] = ws.pending_shards()
    old = embed(shard, pile)
    changed = int(shard.ids[2])
    pile.things[shard.keys[2]] = b"changed while it was embedded"
    ws.reconcile(pile)
    ws.commit_shard(shard, old)
    assert ws.item(changed).status == "pending"
    assert [s.ids.tolist() for s in ws.pending_shards()] == [[changed]]
    thing = pile.things.pop(shard.keys[2])
    ws.reconcile(pile)
    pile.things[shard.keys[2]] = thing
    ws.reconcile(pile)
    assert ws.item(changed).status == "pending", "it came back with the vectors of its old bytes"
    embed_all(ws, pile)
    assert ws.thumbnails([changed], 32) == [b"32:changed while it was embedded"]


def test_a_file_removed_meanwhile_stays_removed(ws):
    pile = numbered(5)
    ws.reconcile(pile)
    ws.use_backbone("net", "net-1", LAYERS)
    [shard] = ws.pending_shards()
    result = embed(shard, pile)
    del pile.things[shard.keys[2]]
    ws.reconcile(pile)
    ws.commit_shard(shard, result)
    assert ws.item(int(shard.ids[2])).status == "removed"
    assert ws.counts().embedded == 4


def test_a_shard_of_which_nothing_can_be_embedded(ws):
    pile = MemoryPile({b"a": BROKEN, b"b": BROKEN})
    ws.reconcile(pile)
    embed_all(ws, pile)
    assert ws.pending_shards() == []
    assert ws.counts().skipped == 2
    assert ws.embedding().vectors.shape == (0, 6)
    assert ws.verify() == []


def broken_results(good):
    yield "twice", replace(good, ids=np.array([0, 0, 2])), "exactly"
    yield "missing", replace(good, failed=good.failed[1:]), "exactly"
    yield "strange", replace(good, ids=good.ids + 7), "exactly"
    yield "layer", replace(good, vectors={"early": good.vectors["early"]}), "layers"
    wide = {"early": good.vectors["early"], "late/deep": np.zeros((len(good.ids), 7), np.float16)}
    yield "width", replace(good, vectors=wide), "shapes"
    yield "sizes", replace(good, sizes=good.sizes[:-1]), "sizes"
    yield "digests", replace(good, digests=[]), "digests"
    yield "thumbnails", replace(good, thumbnails={32: []}), "thumbnails"


@pytest.mark.parametrize("place", range(8))
def test_a_result_that_does_not_fit_is_refused(ws, place):
    pile = MemoryPile({b"a": b"1", b"b": b"2", b"c": b"3", b"d": BROKEN})
    ws.reconcile(pile)
    ws.use_backbone("net", "net-1", LAYERS)
    [shard] = ws.pending_shards()
    good = embed(shard, pile)
    _, bad, word = list(broken_results(good))[place]
    with pytest.raises(WorkspaceError, match=word):
        ws.commit_shard(shard, bad)
    assert ws.counts().pending == 4
    ws.commit_shard(shard, good)
    assert ws.counts().embedded == 3


def test_what_was_never_planned_is_refused(ws):
    pile = numbered(3)
    ws.reconcile(pile)
    [shard] = ws.pending_shards()
    with pytest.raises(WorkspaceError, match="use_backbone"):
        ws.commit_shard(shard, embed(shard, pile))
    ws.use_backbone("net", "net-1", LAYERS)
    with pytest.raises(WorkspaceError, match="no shard 9"):
        ws.commit_shard(replace(shard, number=9), embed(shard, pile))
    with pytest.raises(WorkspaceError, match="different names"):
        ws.use_backbone("net", "net-1", [Layer("a", 1, ""), Layer("a", 2, "")])


def test_asking_for_vectors_that_are_not_there(ws):
    with pytest.raises(WorkspaceError, match="nothing is embedded"):
        ws.embedding()
    pile = MemoryPile({b"a": b"1", b"b": BROKEN})
    ws.reconcile(pile)
    embed_all(ws, pile)
    with pytest.raises(WorkspaceError, match="There are: early, late/deep"):
        ws.embedding("deep")
    for ids in ([0, 1], [0, 2], [-1], [10**9]):
        with pytest.raises(WorkspaceError, match="have no vectors"):
            ws.embedding(ids=np.array(ids))


def test_vectors_are_plain_arrow_with_their_provenance(ws):
    import pyarrow as pa

    pile = numbered(4)
    ws.reconcile(pile)
    embed_all(ws, pile)
    [path] = ws.path.glob("vectors/000000-01-*.arrow")
    table = pa.ipc.open_file(str(path)).read_all()
    assert table.schema.field("vector").type == pa.list_(pa.float16(), 6)
    assert table.column("id").to_pylist() == [0, 1, 2, 3]
    assert table.schema.metadata[b"fingerprint"] == b"net-1"
    assert table.schema.metadata[b"layer"] == b"late/deep"


def test_one_process_embeds_at_a_time(ws):
    holder = f"process {os.getpid()}"
    with (
        ws.embedding_lock(),
        pytest.raises(WorkspaceError, match=holder),
        embedding_lock(ws.path, patience_s=0),
    ):
        pass
    with ws.embedding_lock():
        pass


def test_a_sweep_does_not_turn_an_embedder_away(ws):
    with ExitStack() as sweep:
        sweep.enter_context(embedding_lock(ws.path, patience_s=0))
        threading.Timer(0.2, sweep.pop_all().close).start()
        with ws.embedding_lock():
            pass


def test_threads_of_one_process_share_a_workspace(ws):
    pile = numbered(1500)
    ws.reconcile(pile)
    ws.use_backbone("net", "net-1", LAYERS)

    def commit():
        for shard in ws.pending_shards():
            ws.commit_shard(shard, embed(shard, pile))

    def label(user):
        for n in range(20):
            ws.log.label(range(n, 1500, 7), f"class {n}", user=user, how="lasso")
            ws.log.undo(user=user) if n % 3 == 0 else None

    def look(_):
        for _ in range(30):
            labels, deciders = ws.log.labels_and_provenance()
            assert ((labels >= 0) <= (deciders > 0)).all()
            ids = ws.embedding().ids
            assert None not in ws.thumbnails(ids[:64], 32)

    with ThreadPoolExecutor(12) as threads:
        work = [threads.submit(commit)]
        work += [threads.submit(label, user) for user in ("ada", "bob", "carol")]
        work += [threads.submit(look, n) for n in range(8)]
        for done in work:
            done.result(timeout=120)
    assert ws.counts().embedded == 1500
    assert ws.log.seq() == 3 * (20 + 7)
    with Workspace.open(ws.path) as other:
        assert np.array_equal(other.log.current(), ws.log.current())
