"""Neighbours beside items far from all others, against plain loops over exact numbers."""

from fractions import Fraction

import numpy as np
import pytest

from shoal.indices import (
    ValidityError,
    continuity,
    knn_accuracy,
    map_at_r,
    nearest_neighbours,
    neighbours_kept,
    r_precision,
    recall_at_k,
    trustworthiness,
)
from shoal.indices.nearest import Neighbours, Scene

N, K = 36, 4
Y = np.arange(N) % 3


def cloud(width: int = 3) -> np.ndarray:
    rng = np.random.default_rng(width)
    return 0.7 * rng.normal(size=(3, width))[Y] + rng.normal(size=(N, width))


def one_far(size: float, *, at: int = 5) -> np.ndarray:
    x = cloud()
    x[at] = [size, -size / 3, 0.1]
    return x


def far_group() -> np.ndarray:
    """Eight of the items lie together, a thousand million away, one of them alone on the other side."""
    x = cloud()
    x[10:18] += 1e9
    x[20] -= 3e12
    return x


def at_the_edge() -> np.ndarray:
    """From near to far without a gap, so that far items are neighbours of those that are not."""
    x = cloud()
    return x / np.linalg.norm(x, axis=1, keepdims=True) * 1.3 ** np.arange(N)[:, None]


SCENES = {
    "none far": cloud(),
    "1e4": one_far(1e4),
    "1e12": one_far(1e12),
    "1e12, the first": one_far(1e12, at=0),
    "1e12, the last": one_far(-1e12, at=N - 1),
    "1e149": one_far(1e149),
    "a far group": far_group(),
    "at the edge": at_the_edge(),
    "two values": np.where(np.arange(N)[:, None] < 30, 0.0, cloud()),
    "two scales": np.where(np.arange(N)[:, None] < 20, 1e-3, 1.0) * cloud() + 7.0,
}
scenes = pytest.mark.parametrize("scene", SCENES)


def ordered(x: np.ndarray) -> tuple[list[list[int]], list[list[Fraction]]]:
    """Return all others of each item, nearest first, and the squared distances to all, without rounding."""
    rows = [[Fraction(float(value)) for value in row] for row in x]
    squares = [
        [sum(((a - b) ** 2 for a, b in zip(p, q, strict=True)), Fraction(0)) for q in rows] for p in rows
    ]
    nearest = [
        sorted((j for j in range(len(x)) if j != i), key=lambda j: squares[i][j]) for i in range(len(x))
    ]
    return nearest, squares


def of_their_own(x: np.ndarray) -> np.ndarray:
    """Move equal rows apart, so that there is one right order."""
    return x + 1e-3 * np.random.default_rng(9).normal(size=x.shape)


@scenes
@pytest.mark.parametrize("k", [1, K, N - 1])
def test_neighbours_are_the_nearest(scene, k):
    x = SCENES[scene]
    nearest, squares = ordered(x)
    found = nearest_neighbours(x, k)
    for i in range(N):
        assert len({i, *found[i].tolist()}) == k + 1
        got = [squares[i][j] for j in found[i].tolist()]
        wanted = [squares[i][j] for j in nearest[i][:k]]
        assert all(abs(a - b) <= Fraction(1e-6) * abs(b) for a, b in zip(got, wanted, strict=True))
        if scene != "two values":
            assert found[i].tolist() == nearest[i][:k]


@scenes
def test_what_is_asked_of_neighbours_equals_a_plain_loop(scene):
    x = of_their_own(SCENES[scene])
    nearest, _ = ordered(x)
    size = N // 3
    recalled = precise = averaged = right = 0.0
    for i in range(N):
        same = [bool(Y[j] == Y[i]) for j in nearest[i]]
        recalled += any(same[:K])
        precise += sum(same[: size - 1]) / (size - 1)
        averaged += sum(sum(same[: r + 1]) / (r + 1) * same[r] for r in range(size - 1)) / (size - 1)
        votes = [int(Y[j]) for j in nearest[i][:K]]
        right += max(votes, key=lambda one: (votes.count(one), -votes.index(one))) == Y[i]
    assert recall_at_k(x, Y, K) == pytest.approx(recalled / N, abs=1e-12)
    assert r_precision(x, Y) == pytest.approx(precise / N, abs=1e-12)
    assert map_at_r(x, Y) == pytest.approx(averaged / N, abs=1e-12)
    assert knn_accuracy(x, Y, K) == pytest.approx(right / N, abs=1e-12)


@scenes
def test_what_is_kept_of_neighbours_equals_a_plain_loop(scene):
    x, seen = of_their_own(SCENES[scene]), cloud(2)
    wide, narrow = ordered(x)[0], ordered(seen)[0]
    kept = sum(len(set(wide[i][:K]) & set(narrow[i][:K])) for i in range(N)) / (N * K)
    assert neighbours_kept(x, seen, K) == pytest.approx(kept, abs=1e-12)
    assert neighbours_kept(seen, x, K) == pytest.approx(kept, abs=1e-12)

    def trust(truth: list[list[int]], shown: list[list[int]]) -> float:
        excess = sum(max(0, truth[i].index(j) + 1 - K) for i in range(N) for j in shown[i][:K])
        return 1.0 - 2.0 * excess / (N * K * (2 * N - 3 * K - 1))

    assert trustworthiness(x, seen, K) == pytest.approx(trust(wide, narrow), abs=1e-12)
    assert continuity(x, seen, K) == pytest.approx(trust(narrow, wide), abs=1e-12)
    assert trustworthiness(seen, x, K) == pytest.approx(trust(narrow, wide), abs=1e-12)


@pytest.mark.parametrize("size", [1e4, 1e12, 1e149])
def test_one_far_item_changes_nothing_for_the_others(size):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3_000, 8))
    before = nearest_neighbours(x, 10)
    after = nearest_neighbours(np.concatenate([x, np.full((1, 8), size)]), 10)[:-1]
    shared = np.mean(
        [len(set(a) & set(b)) / 10 for a, b in zip(before.tolist(), after.tolist(), strict=True)]
    )
    assert shared > 0.9999


def test_far_items_are_few_and_in_ordinary_data_there_are_none():
    assert not Scene(cloud()).far.any()
    assert not Scene(np.random.default_rng(0).standard_t(5, size=(5_000, 20))).far.any()
    assert np.flatnonzero(Scene(one_far(1e12)).far).tolist() == [5]
    assert not Scene(np.full((9, 2), 1e149)).far.any()


def test_some_rows_are_asked_as_all_are():
    neighbours = Neighbours(Scene(far_group()))
    whole = neighbours.of(slice(0, N), K)
    assert np.array_equal(np.concatenate([neighbours.of(slice(i, i + 6), K) for i in range(0, N, 6)]), whole)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e150])
def test_what_is_no_number_beside_a_far_item_is_refused(bad):
    x = one_far(1e12)
    x[7, 1] = bad
    calls = [
        lambda: nearest_neighbours(x, 2),
        lambda: knn_accuracy(x, Y, 2),
        lambda: recall_at_k(x, Y, 2),
        lambda: map_at_r(x, Y),
        lambda: r_precision(x, Y),
        lambda: neighbours_kept(x, cloud(), 2),
        lambda: neighbours_kept(cloud(), x, 2),
        lambda: trustworthiness(x, cloud(), 2),
        lambda: continuity(x, cloud(), 2),
    ]
    for call in calls:
        with pytest.raises(ValidityError, match="1 of 36"):
            call()
