"""Every row against its formula written as plain loops."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from shoal.indices import INDICES

_spec = importlib.util.spec_from_file_location("plain", Path(__file__).with_name("plain.py"))
plain = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plain)


def partition(sizes: list[int], *, width: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping classes of these sizes, shuffled."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(len(sizes)), sizes)
    x = 1.5 * rng.normal(size=(len(sizes), width))[y] + rng.normal(size=(len(y), width))
    order = rng.permutation(len(y))
    return x[order], y[order]


def test_every_row_has_plain_loops():
    assert set(plain.PLAIN) == set(INDICES.names())


@pytest.mark.parametrize("row", INDICES.names())
@pytest.mark.parametrize("sizes", [[5, 9, 7, 16], [6, 6]], ids=str)
def test_equal_to_plain_loops(row, sizes):
    for seed in range(2):
        x, y = partition(sizes, seed=seed)
        assert INDICES.load(row)(x, y) == pytest.approx(plain.PLAIN[row](plain.Plain(x, y)), rel=1e-9)


@pytest.mark.parametrize("row", sorted(set(INDICES.names()) - {"negentropy-increment"}))
def test_equal_to_plain_loops_with_singletons_and_pairs(row):
    x, y = partition([1, 9, 2, 14, 1], seed=5)
    assert INDICES.load(row)(x, y) == pytest.approx(plain.PLAIN[row](plain.Plain(x, y)), rel=1e-9)


@pytest.mark.parametrize("far", [1e6, 1e8])
# the one is beyond what a float holds, the other needs classes of several items
@pytest.mark.parametrize("row", sorted(set(INDICES.names()) - {"score-function", "negentropy-increment"}))
def test_one_item_far_from_all_others_takes_no_digits_from_them(row, far):
    x, y = partition([13, 20, 17], seed=3)
    x, y = np.vstack([x, np.full((1, x.shape[1]), far)]), np.append(y, 9)
    assert INDICES.load(row)(x, y) == pytest.approx(plain.PLAIN[row](plain.Plain(x, y)), rel=1e-6)


@pytest.mark.parametrize("moved", [[5], [3, 4, 5], [1, 2, 3, 4, 5]], ids=str)
@pytest.mark.parametrize("row", ["silhouette-squared", "silhouette-simplified"])
def test_classes_far_from_all_others_find_their_rivals(row, moved):
    x, y = partition([20, 30, 25, 40, 10, 15], seed=3)
    for far in (1e8, 1e10):
        there = x + far * np.isin(y, moved)[:, None]
        expected = plain.PLAIN[row](plain.Plain(there, y))
        assert INDICES.load(row)(there, y) == pytest.approx(expected, rel=1e-6)
