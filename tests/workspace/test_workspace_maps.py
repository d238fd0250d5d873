"""Maps: positions and provenance come back as they were; drafts make room, final ones stay."""

from dataclasses import replace

import numpy as np
import pytest
from tests.workspace.piles import LAYERS, embed, numbered, some_map

from shoal.types import Map
from shoal.workspace import MapRow, SupersededError, Workspace, WorkspaceError


@pytest.fixture
def filled(ws):
    ws.reconcile(numbered(50))
    return ws


def test_a_map_comes_back_bit_for_bit(filled):
    given = some_map(50)
    id = filled.save_map(given, final=True)
    with Workspace.open(filled.path) as ws:
        for found in (ws.map(), ws.map(id)):
            assert np.array_equal(found.xy, given.xy)
            assert np.array_equal(found.ids, given.ids)
            assert found.origin == given.origin
        [row] = ws.maps()
        assert (row.id, row.items, row.final, row.origin) == (id, 50, True, given.origin)


def test_old_drafts_make_room_but_final_and_labelled_ones_stay(filled):
    final = filled.save_map(some_map(50), final=True)
    drafts = [filled.save_map(some_map(n, seed=n), final=False) for n in range(1, 3)]
    filled.log.label([1], "cat", user="u", how="lasso", map_id=drafts[0])
    drafts += [filled.save_map(some_map(n, seed=n), final=False) for n in range(3, 9)]
    assert [row.id for row in filled.maps()] == [final, drafts[0], *drafts[-3:]]
    assert len(list(filled.path.glob("maps/*"))) == 5
    with pytest.raises(WorkspaceError, match=rf"no map {drafts[1]} .*There are: {final}, "):
        filled.map(drafts[1])
    assert filled.map().ids.shape == (8,)
    assert filled.verify() == []


def test_ids_of_maps_are_never_used_again(filled):
    ids = [filled.save_map(some_map(5), final=False) for _ in range(6)]
    assert len(set(ids)) == 6
    assert ids == sorted(ids)


def bad_maps():
    good = some_map(10)
    yield "shape", replace(good, xy=good.xy[:9])
    yield "finite", replace(good, xy=np.where(good.xy > 0.5, np.nan, good.xy).astype(np.float32))
    yield "float32", replace(good, xy=good.xy.astype(np.float64))
    yield "ascending", replace(good, ids=good.ids[::-1])
    yield "ascending", replace(good, ids=np.zeros(10, dtype=np.int64))
    yield r"within 0\.\.49", replace(good, ids=good.ids + 41)
    yield r"within 0\.\.49", replace(good, ids=good.ids - 1)
    yield "net-2", some_map(10, fingerprint="net-2")


@pytest.mark.parametrize("place", range(8))
def test_what_is_no_map_of_these_items_is_refused(filled, place):
    filled.use_backbone("net", "net-1", LAYERS)
    word, bad = list(bad_maps())[place]
    with pytest.raises(WorkspaceError, match=word):
        filled.save_map(bad, final=True)
    assert filled.maps() == []
    assert list(filled.path.glob("maps/*")) == []


def test_nobody_can_change_a_map_that_others_read(filled):
    filled.save_map(some_map(5), final=True)
    with pytest.raises(ValueError, match="read-only"):
        filled.map().xy[0] = 0


def test_a_map_that_another_process_saves_is_seen(filled):
    with Workspace.open(filled.path) as other:
        assert other.map() is None
        revision = other.revision()
        filled.save_map(some_map(5), final=False)
        assert other.revision() > revision
        assert len(other.map().ids) == 5
        filled.save_map(some_map(7), final=False)
        assert len(other.map().ids) == 7


def test_an_empty_map_can_be_saved(filled):
    empty = Map(np.empty((0, 2), np.float32), np.empty(0, np.int64), some_map(1).origin)
    assert len(filled.map(filled.save_map(empty, final=False)).ids) == 0


def test_a_map_is_behind_where_something_is_embedded_that_it_does_not_show(ws):
    pile = numbered(300)
    ws.reconcile(pile)
    first, second = ws.pending_shards()
    ws.use_backbone("net", "net-1", LAYERS)
    ws.commit_shard(first, embed(first, pile))

    def drawn(shard: int) -> MapRow:
        ids = ws.embedding().ids
        xy = np.zeros((len(ids), 2), np.float32)
        given = Map(xy, ids, replace(some_map(1).origin, shard=shard))
        ws.save_map(given, final=True)
        return ws.current_map()

    newest = int(ws.shards_of(first.ids).max())
    row, of_long_ago = drawn(newest), drawn(-1)
    assert not ws.is_behind(row)
    assert not ws.is_behind(of_long_ago)  # which does not say which shards it knew
    ws.commit_shard(second, embed(second, pile))
    assert ws.is_behind(row)
    assert ws.is_behind(of_long_ago)
    assert ws.is_behind(drawn(newest))  # as many items, one of them embedded anew since
    assert not ws.is_behind(drawn(int(ws.shards_of(second.ids).max())))


def test_a_map_that_was_to_go_on_from_one_that_is_not_shown_any_more_is_not_saved(filled):
    first = filled.save_map(some_map(50), final=True)
    second = filled.save_map(some_map(50, seed=1), final=True, instead_of=first)
    for stale in (first, 99):
        with pytest.raises(
            SupersededError, match=rf"map {stale} is not .* but map {second}: nothing was saved"
        ):
            filled.save_map(some_map(50, seed=2), final=True, instead_of=stale)
    assert [row.id for row in filled.maps()] == [first, second]
    filled.choose_map(first)
    assert filled.save_map(some_map(50, seed=2), final=True, instead_of=first) > second
