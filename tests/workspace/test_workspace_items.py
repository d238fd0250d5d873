"""Items: ids, what a second scan finds, what keeps its id and its label."""

import os
import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.workspace.piles import BROKEN, LAYERS, MemoryPile, embed, embed_all, ids_of, numbered

from shoal.types import Found
from shoal.workspace import Workspace, WorkspaceError


def test_ids_are_dense_shuffled_and_repeatable(tmp_path):
    orders = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        with Workspace.open(tmp_path / name, create=True) as ws:
            assert ws.reconcile(numbered(200), seed=seed).added == 200
            orders.append(list(ws.items.keys))
            assert ws.items.ids.tolist() == list(range(200))
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(numbered(200).things) != orders[0]


def test_the_order_of_the_scan_does_not_matter(tmp_path):
    forwards, backwards = numbered(50), numbered(50)
    backwards.things = dict(reversed(backwards.things.items()))
    keys = []
    for name, pile in (("a", forwards), ("b", backwards)):
        with Workspace.open(tmp_path / name, create=True) as ws:
            ws.reconcile(pile)
            keys.append(list(ws.items.keys))
    assert keys[0] == keys[1]


def test_several_piles_are_shuffled_together(ws):
    piles = [numbered(300, "/one"), numbered(300, "/two")]
    ws.reconcile(*piles)
    first = list(ws.items.sources[:100])
    assert 25 < first.count("/one") < 75
    shards = ws.pending_shards()
    assert {shard.source for shard in shards[:2]} == {"/one", "/two"}
    embed_all(ws, *piles)
    assert ws.counts().embedded == 600


def test_a_second_scan_adds_only_what_is_new(ws):
    pile = numbered(10)
    ws.reconcile(pile)
    before = ids_of(ws)
    pile.things |= {b"new1.jpg": b"n1", b"new2.jpg": b"n2"}
    report = ws.reconcile(pile)
    assert (report.added, report.unchanged, report.changed, report.removed) == (2, 10, 0, 0)
    after = ids_of(ws)
    assert {key: after[key] for key in before} == before
    assert sorted(after[key] for key in (b"new1.jpg", b"new2.jpg")) == [10, 11]


def test_a_changed_file_keeps_id_and_label_and_is_embedded_anew(ws):
    pile = numbered(6)
    ws.reconcile(pile)
    embed_all(ws, pile)
    id = ids_of(ws)[b"0003.jpg"]
    ws.log.label([id], "cat", user="u", how="key")
    old = ws.embedding(ids=np.array([id])).vectors
    pile.things[b"0003.jpg"] = b"other bytes"
    assert ws.reconcile(pile).changed == 1
    assert ws.item(id).status == "pending"
    assert id not in ws.embedding().ids
    assert ws.thumbnails([id], 64) == [None]
    [shard] = ws.pending_shards()
    assert shard.ids.tolist() == [id]
    embed_all(ws, pile)
    assert not np.array_equal(ws.embedding(ids=np.array([id])).vectors, old)
    assert ws.thumbnails([id], 64) == [b"64:other bytes"]
    assert ws.log.current()[id] == 0


def test_a_touched_file_is_not_embedded_again(ws):
    pile = numbered(6)
    ws.reconcile(pile)
    embed_all(ws, pile)
    pile.mtimes[b"0003.jpg"] = 99
    report = ws.reconcile(pile)
    assert (report.changed, report.unchanged) == (0, 6)
    assert pile.reads == [b"0003.jpg"]
    assert ws.pending_shards() == []
    ws.reconcile(pile)
    assert pile.reads == [b"0003.jpg"], "the new time was not stored"


def test_same_size_and_new_time_with_other_bytes_is_a_change(ws):
    pile = numbered(6)
    ws.reconcile(pile)
    embed_all(ws, pile)
    pile.things[b"0003.jpg"], pile.mtimes[b"0003.jpg"] = b"IMAGE 3", 2
    assert ws.reconcile(pile).changed == 1


def test_a_removed_file_returns_with_its_label_and_its_vectors(ws):
    pile = numbered(6)
    ws.reconcile(pile)
    embed_all(ws, pile)
    id = ids_of(ws)[b"0002.jpg"]
    ws.log.label([id], "cat", user="u", how="key")
    gone = pile.things.pop(b"0002.jpg")
    assert ws.reconcile(pile).removed == 1
    assert ws.reconcile(pile).removed == 0
    assert ws.item(id).status == "removed"
    assert id not in ws.embedding().ids
    assert (ws.counts().total, ws.counts().removed) == (5, 1)
    assert ws.log.classes()[0].count == 0
    assert ws.labelled() == []
    pile.things[b"0002.jpg"] = gone
    assert ws.reconcile(pile).added == 1
    assert ws.item(id).status == "embedded"
    assert ws.log.classes()[0].count == 1
    assert ws.pending_shards() == []


def test_a_moved_file_keeps_id_label_and_vectors(ws):
    pile = numbered(6)
    ws.reconcile(pile)
    embed_all(ws, pile)
    id = ids_of(ws)[b"0002.jpg"]
    pile.things[b"folder/renamed.jpg"] = pile.things.pop(b"0002.jpg")
    report = ws.reconcile(pile)
    assert (report.moved, report.added, report.removed) == (1, 0, 0)
    assert ids_of(ws)[b"folder/renamed.jpg"] == id
    assert ws.item(id).status == "embedded"
    assert ws.items.names[id] == "folder/renamed.jpg"
    assert ws.pending_shards() == []


def test_a_new_file_of_equal_size_is_not_mistaken_for_the_missing_one(ws):
    pile = numbered(6)
    ws.reconcile(pile)
    embed_all(ws, pile)
    pile.things.pop(b"0002.jpg")
    pile.things[b"other.jpg"] = b"IMAGE 2"
    report = ws.reconcile(pile)
    assert (report.moved, report.added, report.removed) == (0, 1, 1)
    assert ids_of(ws)[b"other.jpg"] == 6


def test_two_equal_missing_files_are_each_found_once(ws):
    pile = MemoryPile({b"a": b"same", b"b": b"same", b"c": b"other"})
    ws.reconcile(pile)
    embed_all(ws, pile)
    ids = ids_of(ws)
    pile.things = {b"x": b"same", b"y": b"same", b"z": b"same", b"c": b"other"}
    report = ws.reconcile(pile)
    assert (report.moved, report.added, report.removed) == (2, 1, 0)
    assert {ids_of(ws)[b"x"], ids_of(ws)[b"y"]} == {ids[b"a"], ids[b"b"]}


def test_an_item_removed_before_it_was_embedded_is_embedded_when_it_returns(ws):
    pile = numbered(300)
    ws.reconcile(pile)
    victim = pile.things.pop(b"0007.jpg")
    ws.reconcile(pile)
    embed_all(ws, pile)
    assert ws.counts().embedded == 299
    pile.things[b"0007.jpg"] = victim
    ws.reconcile(pile)
    assert [shard.keys for shard in ws.pending_shards()] == [[b"0007.jpg"]]
    embed_all(ws, pile)
    assert ws.counts().embedded == 300


def test_a_skipped_item_is_tried_again_only_when_it_changes_or_on_request(ws):
    pile = MemoryPile({b"a": b"fine", b"b": BROKEN, b"notes.txt": "not an image"})
    ws.reconcile(pile)
    embed_all(ws, pile)
    assert ws.skipped() == [("b", "not an image"), ("notes.txt", "not an image")]
    counts = ws.counts()
    assert (counts.total, counts.embedded, counts.skipped, counts.pending) == (3, 1, 2, 0)
    ws.reconcile(pile)
    assert ws.pending_shards() == []
    ws.reconcile(pile, retry_skipped=True)
    assert [shard.keys for shard in ws.pending_shards()] == [[b"b"]]
    embed_all(ws, pile)
    pile.things[b"b"] = b"mended now"
    assert ws.reconcile(pile).changed == 1
    embed_all(ws, pile)
    assert ws.skipped() == [("notes.txt", "not an image")]
    assert ws.items.reasons[ids_of(ws)[b"b"]] is None


def test_a_skipped_item_that_left_and_returned_is_still_skipped(ws):
    pile = MemoryPile({b"a": b"fine", b"b": BROKEN})
    ws.reconcile(pile)
    embed_all(ws, pile)
    broken = pile.things.pop(b"b")
    ws.reconcile(pile)
    pile.things[b"b"] = broken
    ws.reconcile(pile)
    assert ws.skipped() == [("b", "not an image")]
    assert ws.pending_shards() == []


def test_an_item_that_stops_being_a_file_is_removed_and_listed(ws):
    pile = MemoryPile({b"a": b"fine", b"b": b"also"})
    ws.reconcile(pile)
    pile.things[b"b"] = "a named pipe"
    report = ws.reconcile(pile)
    assert (report.removed, report.skipped) == (1, 1)
    assert ws.skipped() == [("b", "a named pipe")]


def test_names_that_are_not_text_survive(ws):
    keys = [b"caf\xe9.jpg", b"new\nline.jpg", b"\xff\xfe", "emoji 🐟.png".encode(), b"=cmd|x.jpg"]
    uri = "/pile/" + os.fsdecode(b"\xe9")
    pile = MemoryPile({key: key for key in keys} | {b"\xfd": os.fsdecode(b"bad \xfc name")}, uri)
    ws.reconcile(pile)
    assert set(ws.items.keys) == set(keys)
    assert "caf\\xe9.jpg" in ws.items.names
    assert ws.sources() == [uri]
    assert ws.pending_shards()[0].source == uri
    for text in [*ws.items.names, *ws.items.sources, *(t for pair in ws.skipped() for t in pair)]:
        text.encode("utf-8")


def test_a_key_listed_twice_counts_once(ws):
    class Stutter(MemoryPile):
        def scan(self):
            yield Found(b"a", 1, 1)
            yield Found(b"a", 2, 2)

    assert ws.reconcile(Stutter({})).added == 1


def test_an_empty_pile(ws):
    report = ws.reconcile(MemoryPile({}))
    assert report.added == 0
    assert ws.pending_shards() == []
    assert ws.counts().total == 0
    assert ws.sizes().shape == (0, 2)
    assert ws.log.current().shape == (0,)
    assert ws.map() is None
    assert ws.thumbnails([], 64) == []
    assert ws.verify() == []


def test_an_unknown_item_is_refused(ws):
    ws.reconcile(numbered(3))
    for id in (3, -1, 10**12):
        with pytest.raises(WorkspaceError, match=f"no item {id}"):
            ws.item(id)


def test_columns_follow_another_process(tmp_path):
    pile = numbered(5)
    with Workspace.open(tmp_path / "w", create=True) as one, Workspace.open(tmp_path / "w") as two:
        one.reconcile(pile)
        old = two.items
        assert len(old) == 5
        revision = two.revision()
        embed_all(one, pile)
        assert two.revision() > revision
        assert two.counts().embedded == 5
        assert old.status.tolist() == ["pending"] * 5, "a snapshot must not change under its reader"
        assert two.items.status.tolist() == ["embedded"] * 5
        assert two.sizes()[:, 1].tolist() == [7] * 5


def test_a_comparison_that_meets_a_commit_is_made_again(ws):
    pile = numbered(300)
    ws.reconcile(pile)
    ws.use_backbone("net", "net-1", LAYERS)
    first, second = ws.pending_shards()
    ws.commit_shard(first, embed(first, pile))
    pile.mtimes = {first.keys[0]: 2}
    pile.things[second.keys[0]] = b"changed while others look"
    old = embed(second, numbered(300))
    read = pile.read

    def read_and_commit(key):
        pile.read = read
        other = threading.Thread(target=ws.commit_shard, args=(second, old))
        other.start()
        other.join()
        return read(key)

    pile.read = read_and_commit
    report = ws.reconcile(pile)
    assert (report.changed, report.unchanged) == (1, 299)
    assert pile.reads.count(first.keys[0]) == 2, "the comparison was not made again"
    assert [shard.keys for shard in ws.pending_shards()] == [[second.keys[0]]]


def test_items_lost_to_two_piles_are_planned_once(ws):
    one, two = numbered(3, "/one"), numbered(3, "/two")
    ws.reconcile(one, two)
    away = {pile: pile.things.pop(b"0001.jpg") for pile in (one, two)}
    ws.reconcile(one, two)
    embed_all(ws, one, two)
    for pile, thing in away.items():
        pile.things[b"0001.jpg"] = thing
    assert ws.reconcile(one, two).added == 2
    assert sorted(shard.source for shard in ws.pending_shards()) == ["/one", "/two"]
    with ws._catalogue.read() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM shards").scalar() == 4
    embed_all(ws, one, two)
    assert ws.counts().embedded == 6


files = st.dictionaries(
    st.integers(0, 12).map(lambda n: b"k%d" % n), st.integers(0, 5).map(lambda n: b"v%d" % n), max_size=10
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rounds=st.lists(st.tuples(files, st.booleans()), min_size=1, max_size=5))
def test_whatever_happens_to_the_files_the_items_follow(rounds, tmp_path_factory):
    pile = MemoryPile({})
    with Workspace.open(tmp_path_factory.mktemp("w") / "w", create=True) as ws:
        ids = {}
        for clock, (things, embed_now) in enumerate(rounds, start=1):
            pile.mtimes |= {key: clock for key, v in things.items() if pile.things.get(key) != v}
            pile.things = dict(things)
            ws.reconcile(pile)
            if embed_now:
                embed_all(ws, pile)
            items = ws.items
            there = [id for id in items.ids.tolist() if items.status[id] != "removed"]
            assert sorted(items.keys[id] for id in there) == sorted(things)
            assert [shard.keys for shard in ws.pending_shards()] or not ws.counts().pending
            assert ws.counts().pending == sum(len(shard.ids) for shard in ws.pending_shards())
            for id in there:
                if items.status[id] == "embedded":
                    assert ws.thumbnails([id], 64) == [b"64:" + things[items.keys[id]]]
            assert len(items) >= len(ids)
            ids = ids_of(ws)
        assert ws.verify() == []
