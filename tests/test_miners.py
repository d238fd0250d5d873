"""Miners against definitions by loop, hand examples and frequencies."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal import miners
from shoal.losses.base import LossError
from shoal.losses.distance import pairwise, unit

LINE = torch.tensor([0.0, 1.0, 1.5, 4.0, 9.0])
D = (LINE[:, None] - LINE).abs()
Y = torch.tensor([0, 0, 1, 1, 2])


def triplets(found):
    return set(zip(*(column.tolist() for column in found), strict=True))


def every(d, y, keep):
    n = len(y)
    return {
        (a, p, k)
        for a in range(n)
        for p in range(n)
        for k in range(n)
        if a != p and y[a] == y[p] and y[k] != y[a] and keep(float(d[a, p]), float(d[a, k]))
    }


def nearest_only(found, d):
    best = {}
    for a, p, k in sorted(found, key=lambda t: float(d[t[0], t[2]])):
        best.setdefault((a, p), float(d[a, k]))
    return best


MINERS = {
    "batch_all": miners.batch_all,
    "batch_hard": miners.batch_hard,
    "semi_hard": miners.semi_hard,
    "hard": miners.hard,
    "distance_weighted": lambda d, y: miners.distance_weighted(d.clamp_max(2.0), y, width=3),
}


def test_batch_hard_by_hand():
    # item 4 is alone in its class: an anchor never, a negative if it is near
    assert triplets(miners.batch_hard(D, Y)) == {(0, 1, 2), (1, 0, 2), (2, 3, 1), (3, 2, 1)}


def test_semi_hard_by_hand():
    # (0, 1) at 1: next negative 2 at 1.5. (1, 0) at 1: .5 is nearer, next is 3 at 3.
    # (2, 3) at 2.5: .5 and 1.5 are nearer, next is 4 at 7.5. (3, 2) at 2.5: next is 1 at 3
    assert triplets(miners.semi_hard(D, Y, margin=1.0)) == {(0, 1, 2), (3, 2, 1)}
    assert triplets(miners.semi_hard(D, Y, margin=9.0)) == {(0, 1, 2), (1, 0, 3), (2, 3, 4), (3, 2, 1)}


def test_hard_by_hand():
    assert triplets(miners.hard(D, Y)) == {(1, 0, 2), (2, 3, 1)}


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 6)), max_size=10))
def test_every_miner_equals_its_definition(items):
    y = torch.tensor([item[0] for item in items], dtype=torch.int64)
    d = pairwise(torch.tensor([[float(item[1])] for item in items]).reshape(-1, 1))
    everything = every(d, y, lambda ap, an: True)
    assert triplets(miners.batch_all(d, y)) == everything
    for name, keep in {
        "semi_hard": lambda ap, an: ap < an < ap + 2.0,
        "hard": lambda ap, an: an < ap,
    }.items():
        found = miners.semi_hard(d, y, margin=2.0) if name == "semi_hard" else miners.hard(d, y)
        allowed = every(d, y, keep)
        assert triplets(found) <= allowed
        assert {(a, p): float(d[a, n]) for a, p, n in triplets(found)} == nearest_only(allowed, d)
        assert len(found[0]) == len(nearest_only(allowed, d))
    hardest = triplets(miners.batch_hard(d, y))
    assert {a for a, _, _ in hardest} == {a for a, _, _ in everything}
    for a, p, n in hardest:
        assert float(d[a, p]) == max(float(d[a, q]) for b, q, _ in everything if b == a)
        assert float(d[a, n]) == min(float(d[a, k]) for b, _, k in everything if b == a)
    assert triplets(MINERS["distance_weighted"](d, y)) <= everything


@pytest.mark.parametrize("name", MINERS)
@pytest.mark.parametrize("labels", [[], [1], [1, 1, 1], [0, 1, 2]])
def test_without_a_triplet_there_is_none(name, labels):
    y = torch.tensor(labels, dtype=torch.int64)
    found = MINERS[name](torch.zeros(len(y), len(y)), y)
    assert [len(column) for column in found] == [0, 0, 0]
    assert all(column.dtype == torch.int64 for column in found)


def test_distance_weighted_draws_against_the_density():
    # width 4: weight d^-2 (1 - d^2/4)^-1/2; 100 equal items see negatives at .5, 1, 1.2 and one too far away
    d = torch.full((104, 104), 0.3)
    d[:100, 100:] = torch.tensor([0.5, 1.0, 1.2, 1.5])
    y = torch.tensor([0] * 100 + [1, 2, 3, 4])
    weights = [x**-2 * (1 - x**2 / 4) ** -0.5 for x in (0.5, 1.0, 1.2)]
    wanted = [w / sum(weights) for w in weights]
    _, _, drawn = miners.distance_weighted(d, y, width=4, generator=torch.Generator().manual_seed(0))
    assert len(drawn) == 100 * 99
    assert [float((drawn == k).float().mean()) for k in (100, 101, 102)] == pytest.approx(wanted, abs=0.02)


def test_distance_weighted_is_repeatable_and_refuses_what_is_not_a_sphere():
    z = torch.randn(20, 8, generator=torch.Generator().manual_seed(0))
    y = torch.arange(20) % 4
    sphere = pairwise(unit(z))
    first, again = (
        miners.distance_weighted(sphere, y, width=8, generator=torch.Generator().manual_seed(3))
        for _ in range(2)
    )
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    with pytest.raises(LossError, match="unit sphere"):
        miners.distance_weighted(pairwise(9 * z), y, width=8)
    with pytest.raises(LossError, match="width=1"):
        miners.distance_weighted(sphere, y, width=1)


def test_local_positives_by_hand():
    # class 0 on a line at 0, 1, 3, 7: pairs 1, 2, 3, 4, 6, 7; entry floor(.6 * 6) = 3 is 4
    line = torch.tensor([0.0, 1.0, 3.0, 7.0, 5.0])
    y = torch.tensor([0, 0, 0, 0, 1])
    local = miners.local_positives((line[:, None] - line).abs(), y)
    wanted = torch.zeros(5, 5, dtype=torch.bool)
    for i, j in [(0, 1), (0, 2), (1, 2), (2, 3)]:
        wanted[i, j] = wanted[j, i] = True
    assert torch.equal(local, wanted)
    assert not miners.local_positives(torch.zeros(2, 2), torch.tensor([0, 1])).any()
    assert miners.local_positives(torch.zeros(2, 2), torch.tensor([0, 0]), share=1.0).sum() == 2
    with pytest.raises(LossError, match="share=60"):
        miners.local_positives(torch.zeros(2, 2), torch.tensor([0, 0]), share=60)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_settings_that_are_no_number_are_refused(bad):
    for call in (
        lambda: miners.semi_hard(D, Y, margin=bad),
        lambda: miners.distance_weighted(D.clamp_max(2.0), Y, width=3, cutoff=bad),
        lambda: miners.distance_weighted(D.clamp_max(2.0), Y, width=3, farthest=bad),
        lambda: miners.local_positives(D, Y, share=bad),
    ):
        with pytest.raises(LossError, match=f"={bad}; it must be finite"):
            call()


def test_only_local_filters_pairs():
    local = torch.zeros(5, 5, dtype=torch.bool)
    local[0, 1] = True
    assert triplets(miners.only_local(miners.batch_hard(D, Y), local)) == {(0, 1, 2)}
