"""Two groups pulled apart: one left, one right, the rest between; the same key of numbers every time."""

import numpy as np
import pytest

from shoal.pulling import pull_apart
from shoal.types import ShoalError


def groups(seed: int = 0):
    """Three blobs in 20 dimensions that differ in one direction only, which is not the widest."""
    random = np.random.default_rng(seed)
    vectors = random.normal(0, 0.02, (90, 20)) + 1
    vectors[:, 3] += random.normal(0, 0.5, 90)
    vectors[:30, 7] -= 0.3
    vectors[60:, 7] += 0.3
    return vectors.astype(np.float32)


def test_the_groups_lie_left_and_right_and_what_is_neither_lies_between():
    xy = pull_apart(groups(), np.arange(30), np.arange(60, 90))
    assert xy.shape == (90, 2)
    assert xy.min() >= 0
    assert xy.max() <= 1
    left, between, right = xy[:30, 0], xy[30:60, 0], xy[60:, 0]
    assert left.max() < between.min()
    assert between.max() < right.min()
    assert np.array_equal(xy, pull_apart(groups(), np.arange(30), np.arange(60, 90)))


def test_upwards_lies_the_widest_direction_that_is_left():
    vectors = groups()
    xy = pull_apart(vectors, np.arange(30), np.arange(60, 90))
    assert abs(np.corrcoef(xy[:, 1], vectors[:, 3])[0, 1]) > 0.8


@pytest.mark.parametrize(("a", "b"), [([], [1]), ([1], []), ([1, 2], [2, 3])])
def test_groups_that_cannot_be_told_apart_are_refused(a, b):
    with pytest.raises(ShoalError, match="pull_apart"):
        pull_apart(groups(), np.array(a, int), np.array(b, int))


def test_two_single_items_are_groups_too():
    xy = pull_apart(groups(), np.array([0]), np.array([89]))
    assert xy[0, 0] < 0.5 < xy[89, 0]
