"""Intervals and tests of known value."""

import math

import numpy as np
import pytest

from experiments.statistics import Interval, bootstrap, holm, paired_t, t_interval
from experiments.tables import between, plus_minus, signed, table


def test_students_interval_by_hand():
    found = t_interval([1.0, 2.0, 3.0])
    assert found.mean == 2.0
    assert found.half == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)  # t of 2 degrees, deviation 1


def test_one_value_has_no_interval():
    found = t_interval([0.5])
    assert math.isnan(found.low)
    assert plus_minus(found) == "0.500 (one)"


def test_bootstrap_holds_the_mean_and_draws_groups_together():
    values = np.random.default_rng(0).normal(size=200)
    alone = bootstrap(values)
    assert alone.low < values.mean() < alone.high
    assert alone.half == pytest.approx(1.96 * values.std() / math.sqrt(200), rel=0.1)
    # the same 200 values four times over tell no more than once
    fourfold = bootstrap(np.tile(values, 4), groups=np.tile(np.arange(200), 4))
    assert fourfold.half == pytest.approx(alone.half, rel=0.1)


def test_bootstrap_of_unequal_groups_weighs_by_items():
    found = bootstrap([0.0, 0.0, 0.0, 1.0], groups=["a", "a", "a", "b"])
    assert found.mean == 0.25


def test_paired_test_by_hand():
    found = paired_t([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])
    assert found.difference.mean == 2.0
    # t = 2 / (1 / sqrt 3), two-sided, 2 degrees of freedom: 1 - t / sqrt(t^2 + 2)
    t = 2 * math.sqrt(3)
    assert found.p == pytest.approx(1 - t / math.sqrt(t**2 + 2))
    assert paired_t([1.0, 2.0], [1.0, 2.0]).p == 1.0


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_tables_say_the_interval():
    assert between(Interval(0.5, 0.4, 0.7, 9), 1, percent=True) == "50.0 (40.0 to 70.0)"
    assert signed(paired_t([2.0, 4.0, 6.0], [1.0, 2.0, 3.0]), 1) == "+2.0 ± 2.5, p 0.074"
    assert signed(paired_t([2.0, 2.1, 2.2], [1.0, 1.0, 1.0]), 1).startswith("**+1.1")
    assert table(["a", "b"], [["1", "2"]]).splitlines()[1] == "|---|---:|"
