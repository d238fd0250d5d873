"""How pairs of two kinds of numbers stand, against a double loop; Gamma by it, in bounded memory."""

import tracemalloc

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from shoal.indices import counting, gamma_index
from shoal.indices.counting import orders

RNG = np.random.default_rng(0)
KINDS = {
    "normal": (np.abs(RNG.normal(size=300)), np.abs(RNG.normal(size=400) + 0.5)),
    "ties": (RNG.integers(6, size=300), RNG.integers(2, 9, size=200)),
    "next to each other": (
        1 + RNG.integers(9, size=200) * 2.0**-23,
        1 + RNG.integers(9, size=200) * 2.0**-23,
    ),
    "many doublings": (np.exp(20 * RNG.normal(size=300)), np.exp(20 * RNG.normal(size=200))),
    "hardly numbers": (RNG.integers(5, size=99) * 1e-45, RNG.integers(5, size=99) * 1e-45),
    "all equal": (np.ones(50), np.ones(60)),
    "none of one": (np.ones(50), np.ones(0)),
    "one each": (np.zeros(1), np.full(1, 3.4e38)),
}


def blocks(first: np.ndarray, second: np.ndarray):
    """Blocks of different lengths, some of them empty, for `orders` to ask for as often as it likes."""
    ones, others = (np.array_split(values.astype(np.float32), 7) for values in (first, second))
    none = np.zeros(0, np.float32)
    return lambda: iter([(none, others[0]), *zip(ones, [*others[1:], none], strict=True)])


@pytest.mark.parametrize("held", [0, 60, counting.HELD])
@pytest.mark.parametrize("bins", [1 << counting.REST, 1 << 22])
@pytest.mark.parametrize("kind", KINDS)
def test_orders_are_the_double_loop(kind, bins, held, monkeypatch):
    monkeypatch.setattr(counting, "HELD", held)
    monkeypatch.setattr(counting, "BINS", bins)
    first, second = (values.astype(np.float32) for values in KINDS[kind])
    smaller = sum(bool(a < b) for a in first for b in second)
    larger = sum(bool(a > b) for a in first for b in second)
    assert orders(blocks(first, second)) == (smaller, larger)


def test_more_pairs_than_int64_holds_are_counted():
    first, second = np.array([3, 10**10, 0, 5]), np.array([5 * 10**11, 0, 7, 4 * 10**11])
    smaller = sum(int(first[i]) * int(second[j]) for i in range(4) for j in range(4) if i < j)
    larger = sum(int(first[i]) * int(second[j]) for i in range(4) for j in range(4) if i > j)
    assert larger > 2**52
    assert counting._orders_of_counts(first, second) == (smaller, larger)
    assert counting._orders_of_counts(100 * first, second) == (100 * smaller, 100 * larger)


def whole(x: np.ndarray, y: np.ndarray) -> float:
    """Gamma from all distances at once, sorted."""
    distances, upper = squareform(pdist(x)).astype(np.float32), np.triu(np.ones((len(x), len(x)), bool), 1)
    same = y[:, None] == y
    within, between = distances[same & upper], np.sort(distances[~same & upper])
    plus = int((len(between) - np.searchsorted(between, within, "right")).sum())
    minus = int(np.searchsorted(between, within).sum())
    return (plus - minus) / (plus + minus)


@pytest.mark.parametrize("kind", ["normal", "ties", "duplicates", "a plane"])
@pytest.mark.parametrize("held", [0, 1 << 12, counting.HELD])
def test_gamma_equals_all_distances_sorted_whatever_is_held(kind, held, monkeypatch):
    monkeypatch.setattr(counting, "HELD", held)
    monkeypatch.setattr(counting, "BINS", 1 << 21)
    rng = np.random.default_rng(0)
    y = rng.integers(4, size=1_200)
    x = rng.normal(size=(4, 5))[y] + rng.normal(size=(1_200, 5))
    if kind == "ties":
        x = x.round()
    if kind == "duplicates":
        x[300:] = x[:900]
    if kind == "a plane":
        x = np.exp(2 * x[:, :2])
    x -= x[np.argsort(y, kind="stable")[0]]  # as the index sees it: no other rounding
    assert gamma_index(x, y) == pytest.approx(whole(x, y), abs=1e-9)


def test_gamma_holds_little_however_many_pairs_there_are(monkeypatch):
    monkeypatch.setattr(counting, "HELD", 1 << 16)
    monkeypatch.setattr(counting, "BINS", 1 << 19)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(4_000, 16)), rng.integers(2, size=4_000)
    gamma_index(x[:600], y[:600])  # what is imported and kept
    tracemalloc.start()
    value = gamma_index(x, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert abs(value) < 0.01
    # 8 million distances are 32 MB; sorting half of them took 86
    assert peak < 30e6
