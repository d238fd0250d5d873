"""Damage is found and named; a disk that refuses loses nothing; rubbish is collected, never a file in use."""

import errno
import os
import time

import numpy as np
import pytest
from tests.workspace.piles import LAYERS, embed, embed_all, numbered, some_map

from shoal.workspace import Workspace, WorkspaceError, files

COUNT = 300


@pytest.fixture
def full(ws):
    ws.reconcile(numbered(COUNT))
    embed_all(ws, numbered(COUNT))
    ws.save_map(some_map(COUNT), final=True)
    ws.log.label([1, 2], "cat", user="u", how="key")
    assert ws.verify() == []
    return ws


def flip(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def one(ws, pattern):
    return sorted(ws.path.glob(pattern))[0]


KINDS = {
    "vectors/000000-01*": "vectors of layer 'late/deep', shard 0",
    "thumbnails/000001-64*": "thumbnails of 64 px, shard 1",
    "maps/*": "map 1",
}


@pytest.mark.parametrize("pattern", KINDS)
@pytest.mark.parametrize("harm", ["first bit", "middle bit", "last bit", "cut", "longer", "empty", "gone"])
def test_every_damage_is_named_with_what_it_holds(full, pattern, harm):
    path = one(full, pattern)
    size = path.stat().st_size
    if harm.endswith("bit"):
        flip(path, {"first": 0, "middle": size // 2, "last": size - 1}[harm.split()[0]])
    elif harm == "longer":
        path.write_bytes(path.read_bytes() + b"x")
    elif harm == "gone":
        path.unlink()
    else:
        os.truncate(path, size // 2 if harm == "cut" else 0)
    [problem] = full.verify()
    assert path.name in problem
    assert KINDS[pattern] in problem
    assert ("missing" if harm == "gone" else "damaged") in problem


@pytest.mark.parametrize("harm", ["flip", "cut", "gone"])
def test_damaged_vectors_are_never_served(full, harm):
    path = one(full, "vectors/000000-01*")
    flip(path, path.stat().st_size // 2) if harm == "flip" else None
    os.truncate(path, 100) if harm == "cut" else None
    path.unlink() if harm == "gone" else None
    for ids in (None, np.array([3])):
        with pytest.raises(WorkspaceError, match=path.name):
            full.embedding("late/deep", ids)
    assert len(full.embedding("early").ids) == COUNT
    assert full.embedding("late/deep", np.arange(256, COUNT)).vectors.shape == (44, 6)


def test_a_damaged_thumbnail_is_missing_alone(full):
    path = one(full, "thumbnails/000000-64*")
    before = full.thumbnails(range(COUNT), 64)
    data = path.read_bytes()
    flip(path, data.index(before[9]) + 4)
    after = full.thumbnails(range(COUNT), 64)
    assert [id for id in range(COUNT) if after[id] != before[id]] == [9]
    assert after[9] is None
    os.truncate(path, data.index(before[250]))
    after = full.thumbnails(range(COUNT), 64)
    assert [id for id in range(COUNT) if after[id] is None] == [9, *range(250, 256)]


@pytest.mark.parametrize("place", [0, 5, 9, 14, 40])
def test_a_damaged_pack_head_costs_its_shard_only(full, place):
    flip(one(full, "thumbnails/000000-64*"), place)
    with Workspace.open(full.path) as ws:
        found = ws.thumbnails(range(COUNT), 64)
        assert found[:256] == [None] * 256
        assert None not in found[256:]
        assert None not in ws.thumbnails(range(COUNT), 32)


def test_a_damaged_map_is_refused_by_name(full):
    path = one(full, "maps/*")
    flip(path, path.stat().st_size // 2)
    with pytest.raises(WorkspaceError, match=path.name), Workspace.open(full.path) as ws:
        ws.map()


def test_a_damaged_label_event_is_found(full):
    with full._catalogue.write() as connection:
        connection.exec_driver_sql("UPDATE events SET item_ids = x'00112233'")
    assert any("label event 1 is damaged" in problem for problem in full.verify())
    with Workspace.open(full.path) as ws:
        for _ in range(2):
            with pytest.raises(WorkspaceError, match="label event 1"):
                ws.log.current()


def test_a_damaged_catalogue_is_found(full):
    full.close()
    path = full.path / "catalogue.sqlite"
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 4096] = os.urandom(4096)
    path.write_bytes(data)
    assert any("catalogue" in problem for problem in problems_of(full.path))


def problems_of(path):
    """What verify says, or why the workspace cannot even be opened."""
    try:
        with Workspace.open(path) as ws:
            return ws.verify()
    except WorkspaceError as error:
        return [str(error)]


def test_repair_embeds_the_damaged_anew_and_keeps_labels(full):
    whole = full.embedding().vectors
    flip(one(full, "vectors/000000-01*"), 3000)
    one(full, "thumbnails/000001-32*").unlink()
    flip(one(full, "maps/*"), 100)
    assert full.repair() == 3
    assert full.counts().pending == COUNT
    assert full.map() is None
    embed_all(full, numbered(COUNT))
    assert np.array_equal(full.embedding().vectors, whole)
    assert None not in full.thumbnails(range(COUNT), 32)
    assert full.log.current()[:3].tolist() == [-1, 0, 0]
    assert full.verify() == []
    assert full.leftovers() == []
    assert full.repair() == 0


def test_repair_leaves_removed_items_removed(full):
    pile = numbered(COUNT)
    del pile.things[b"0005.jpg"]
    full.reconcile(pile)
    one(full, "vectors/000000-01*").unlink()
    one(full, "vectors/000001-01*").unlink()
    full.repair()
    assert full.counts().removed == 1
    full.reconcile(numbered(COUNT))
    embed_all(full, numbered(COUNT))
    assert full.counts().embedded == COUNT


def test_strangers_are_listed_and_old_ones_collected(full):
    young, old = full.path / "vectors" / ".tmp-young", full.path / "maps" / "nobody.arrow"
    for path in (young, old):
        path.write_bytes(b"x")
    os.utime(old, (time.time() - 2 * files.LEASE_S,) * 2)
    assert full.verify() == []
    assert full.leftovers() == ["maps/nobody.arrow", "vectors/.tmp-young"]
    for path in [*full.path.glob("vectors/0*"), *full.path.glob("maps/map*")]:
        os.utime(path, (time.time() - 2 * files.LEASE_S,) * 2)
    with full.embedding_lock():
        Workspace.open(full.path).close()
        assert old.exists(), "somebody may be writing"
    with Workspace.open(full.path) as ws:
        assert not old.exists()
        assert young.exists()
        young.unlink()
        assert ws.verify() == []


@pytest.mark.parametrize("call", ["write", "fsync", "rename", "open"])
def test_a_disk_that_refuses_at_any_call_loses_nothing(ws, monkeypatch, call):
    """Let each call in turn fail once, until a commit needs no more calls than that."""
    pile = numbered(3)
    ws.reconcile(pile)
    ws.use_backbone("net", "net-1", LAYERS)
    [shard] = ws.pending_shards()
    real, refused = getattr(os, call), 0
    for fails_at in range(100):
        calls = iter(range(1000))

        def refuse(*args, calls=calls, fails_at=fails_at, **kwargs):
            if next(calls) == fails_at:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(*args, **kwargs)

        monkeypatch.setattr(files.os, call, refuse)
        said = attempt(lambda: ws.commit_shard(shard, embed(shard, pile)))
        monkeypatch.setattr(files.os, call, real)
        if said is None:
            break
        refused += 1
        assert "No space left" in said
        assert ws.counts().pending == 3
        assert ws.verify() == []
    assert refused >= 4
    assert ws.counts().embedded == 3
    assert ws.verify() == []


def attempt(act):
    """What the workspace says when it refuses, None when it does not."""
    try:
        act()
    except WorkspaceError as error:
        return str(error)
    return None


def test_a_short_write_is_completed(ws, monkeypatch):
    real = os.write
    monkeypatch.setattr(files.os, "write", lambda descriptor, data: real(descriptor, data[:7]))
    pile = numbered(3)
    ws.reconcile(pile)
    embed_all(ws, pile)
    assert ws.verify() == []


def test_a_full_catalogue_says_so_and_goes_on_later(ws):
    ws.reconcile(numbered(20_000))
    scattered = np.random.default_rng(0)
    engine = ws._catalogue._engine
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 20}")
    acknowledged = 0
    while (said := attempt(lambda: lasso(ws, scattered))) is None:
        acknowledged += 1
    assert "full" in said
    assert "Free some space" in said
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1000000")
    assert ws.log.seq() == acknowledged
    assert ws.log.label([0], "late", user="u", how="lasso").seq == acknowledged + 1
    assert ws.verify() == []


def lasso(ws, random):
    ws.log.label(random.choice(20_000, 5_000, replace=False), "cat", user="u", how="lasso")
