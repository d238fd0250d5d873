"""DBCV against what hdbscan and kDBCV said of data where no two edges tie, and how much a tie may matter."""

import json
from pathlib import Path

import numpy as np
import pytest

from shoal.indices import dbcv

FROZEN = json.loads(Path(__file__).with_name("dbcv.json").read_text())["scenes"]
APPROXIMATED = {"a few over each other"}
"""kDBCV measures a separation where inner points are nearest by plain distance: another value here."""


@pytest.mark.parametrize("name", FROZEN)
def test_without_ties_the_value_is_that_of_hdbscan_and_of_kdbcv(name):
    """The numbers are from freeze_dbcv.py, beside this file; both count noise in N, ours leaves it out."""
    frozen = FROZEN[name]
    x, y = np.array(frozen["x"]), np.array(frozen["y"])
    found = dbcv(x, y) * (y >= 0).mean()
    assert found == pytest.approx(frozen["hdbscan"], rel=1e-9)
    assert (found == pytest.approx(frozen["kdbcv"], rel=1e-9)) == (name not in APPROXIMATED)


def test_the_scenes_differ_in_sign_width_and_noise():
    values = [frozen["hdbscan"] for frozen in FROZEN.values()]
    assert min(values) < 0 < 0.9 < max(values)
    assert {len(frozen["x"][0]) for frozen in FROZEN.values()} == {1, 2, 3, 8, 30}
    assert any(min(frozen["y"]) == -1 for frozen in FROZEN.values())


@pytest.mark.parametrize("name", FROZEN)
def test_hdbscan_says_so_still(name):
    validity = pytest.importorskip("hdbscan.validity", reason="pip install 'shoal[references]'")
    frozen = FROZEN[name]
    value = validity.validity_index(np.array(frozen["x"]), np.array(frozen["y"]))
    assert value == pytest.approx(frozen["hdbscan"], rel=1e-12)


def test_with_ties_hdbscan_has_many_values_and_here_is_one():
    validity = pytest.importorskip("hdbscan.validity", reason="pip install 'shoal[references]'")
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(3), 50)
    x = rng.normal(size=(3, 2))[y] + rng.normal(size=(150, 2))
    orders = [np.random.default_rng(seed).permutation(150) for seed in range(20)]
    theirs = [validity.validity_index(x[order], y[order]) for order in orders]
    ours = [dbcv(x[order], y[order]) for order in orders]
    assert np.ptp(ours) < 1e-12
    assert np.ptp(theirs) > 0.1
