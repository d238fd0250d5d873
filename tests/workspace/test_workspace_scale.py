"""A million items: limits ten times what an idle laptop needs, so that only a wrong order of growth fails."""

import time

import numpy as np
import pytest
from sqlalchemy import insert

from shoal.workspace import Workspace
from shoal.workspace.tables import items, shards, sources

COUNT = 1_000_000
pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def million(tmp_path_factory):
    """The rows of a million items, written directly: scanning them takes longer than all the tests."""
    with Workspace.open(tmp_path_factory.mktemp("million") / "w", create=True) as ws:
        with ws._catalogue.write("items") as connection:
            connection.execute(insert(sources), [{"id": 1, "uri": "/pile"}])
            connection.execute(insert(shards), [{"number": 0, "source": 1}])
            connection.exec_driver_sql(
                "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?) "
                f"INSERT INTO {items.name} (id, source, key, size, mtime_ns, status, shard, touched) "
                "SELECT i, 1, CAST('image' || i AS BLOB), 1, 1, 0, 0, 1 FROM n",
                (COUNT,),
            )
        yield ws


def seconds(act):
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def test_a_lasso_of_300_000_items_is_one_quick_event(million):
    ids = np.random.default_rng(0).choice(COUNT, 300_000, replace=False)
    assert seconds(lambda: million.log.label(ids, "cat", user="ada", how="lasso")) < 3
    assert seconds(million.log.current) < 3
    assert int((million.log.current() == 0).sum()) == 300_000
    assert seconds(lambda: million.log.undo(user="ada")) < 3
    assert int((million.log.current() == 0).sum()) == 0


def test_300_events_are_replayed_quickly(million):
    draw = np.random.default_rng(1)
    for n in range(300):
        middle = int(draw.integers(0, COUNT - 5000))
        million.log.label(np.arange(middle, middle + 5000, 2), f"class {n % 9}", user="bob", how="lasso")
    with Workspace.open(million.path) as ws:
        assert seconds(ws.log.current) < 10
        assert np.array_equal(ws.log.current(), million.log.current())
        assert np.array_equal(ws.log.at(ws.log.seq()), million.log.current())


def test_the_revision_is_cheap(million):
    assert seconds(lambda: [million.revision() for _ in range(100)]) < 1


def test_columns_are_read_once(million):
    million.sizes()
    assert seconds(million.sizes) < 0.5
    assert seconds(million.counts) < 0.5
