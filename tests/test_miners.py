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


def on_sphere(d):
    """Distances within 2, as those on the unit sphere are; what is no distance stays."""
    if not isinstance(d, torch.Tensor) or not d.is_floating_point():
        return d
    return d.clamp_max(2.0).masked_fill(d.isinf(), torch.inf)


MINERS = {
    "batch_all": miners.batch_all,
    "batch_hard": miners.batch_hard,
    "semi_hard": miners.semi_hard,
    "hard": miners.hard,
    "distance_weighted": lambda d, y: miners.distance_weighted(on_sphere(d), y, width=3),
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
    # in float64, as the definition beside it adds: at the rim of a margin float32 may round to the other side
    d = pairwise(torch.tensor([[item[1]] for item in items], dtype=torch.float64).reshape(-1, 1))
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


PUBLIC = {
    "batch_all",
    "batch_hard",
    "semi_hard",
    "hard",
    "distance_weighted",
    "local_positives",
    "only_local",
}
PAIRS = MINERS | {"local_positives": miners.local_positives}
"""Everything that looks at distances and labels."""


def found_by(name, d, y):
    """What a miner finds, as a set: of triplets, or of local pairs."""
    found = PAIRS[name](d, y)
    return (
        {tuple(pair) for pair in found.nonzero().tolist()} if name == "local_positives" else triplets(found)
    )


def test_every_miner_is_under_contract():
    public = {
        name
        for name, what in vars(miners).items()
        if not name.startswith("_") and getattr(what, "__module__", "") == "shoal.miners"
    }
    assert public == PUBLIC == {*PAIRS, "only_local"}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("hole", [float("nan"), float("inf"), 0.0])
def test_unlabelled_items_are_in_no_triplet_whatever_their_distances(name, hole):
    torch.manual_seed(0)
    z = unit(torch.randn(12, 3))
    y = torch.arange(12) % 3
    y[[1, 6, 11]] = -1
    d = pairwise(z)
    d[y == -1], d[:, y == -1] = hole, hole
    known = (y != -1).nonzero().squeeze(1)
    alone = found_by(name, d[known][:, known], y[known])
    if name != "distance_weighted":  # which is random
        assert found_by(name, d, y) == {tuple(int(known[i]) for i in row) for row in alone}
    assert {i for row in found_by(name, d, y) for i in row} <= set(known.tolist())
    assert alone


@pytest.mark.parametrize("name", PAIRS)
def test_unlabelled_items_alone_give_nothing(name):
    assert found_by(name, torch.zeros(4, 4), torch.full((4,), -1)) == set()
    assert found_by(name, torch.zeros(0, 0), torch.zeros(0, dtype=torch.int64)) == set()


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("hole", [float("nan"), float("inf")])
def test_distances_that_are_not_finite_are_never_mined(name, hole):
    d = D.clamp_max(2.0).clone()
    d[1, 2] = d[2, 1] = hole
    with pytest.raises(LossError, match=rf"^{name}\(\) got NaN or infinite distances in 2 of 5"):
        PAIRS[name](d, Y)


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.uint64])
def test_labels_of_any_integer_mine_the_same(name, dtype):
    d = D.clamp_max(2.0)
    torch.manual_seed(1)
    wanted = found_by(name, d, Y)
    torch.manual_seed(1)
    assert found_by(name, d, Y.to(dtype)) == wanted
    # 255 is a class of its own, not -1
    assert found_by(name, torch.zeros(2, 2), torch.tensor([255, 255], dtype=torch.uint8)) == found_by(
        name, torch.zeros(2, 2), torch.tensor([0, 0])
    )


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize(
    ("d", "y", "why"),
    [
        (torch.zeros(3, 2), torch.zeros(3, dtype=torch.int64), "shape"),
        (torch.zeros(3, 3), torch.zeros(2, dtype=torch.int64), "shape"),
        (torch.zeros(3, 3), torch.tensor(3), "shape"),
        (torch.zeros(3, 3), torch.zeros(3, 1, dtype=torch.int64), "shape"),
        (torch.zeros(3, 3, dtype=torch.int64), torch.zeros(3, dtype=torch.int64), "int64"),
        (torch.zeros(3, 3), torch.zeros(3), "float32"),
        (torch.zeros(3, 3), torch.zeros(3, dtype=torch.bool), "bool"),
        (torch.zeros(3, 3), torch.tensor([0, 1, -2]), "below -1"),
        (torch.zeros(3, 3), torch.tensor([0, 1, 2**64 - 1], dtype=torch.uint64), "2\\^63"),
        (torch.zeros(3, 3), [0, 1, 2], "list"),
        ([[0.0]], torch.tensor([0]), "list"),
    ],
)
def test_other_shapes_and_dtypes_are_refused_by_name(name, d, y, why):
    with pytest.raises(LossError, match=why) as refusal:
        PAIRS[name](d, y)
    assert str(refusal.value).startswith(f"{name}() got")


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


@pytest.mark.parametrize(
    ("found", "local"),
    [
        (miners.batch_hard(D, Y), torch.zeros(5, 4, dtype=torch.bool)),
        (miners.batch_hard(D, Y), torch.zeros(5, 5)),
        (miners.batch_hard(D, Y), torch.zeros(2, 2, dtype=torch.bool)),
        (miners.batch_hard(D, Y)[:2], torch.zeros(5, 5, dtype=torch.bool)),
        ((torch.arange(2), torch.arange(2), torch.arange(1)), torch.zeros(5, 5, dtype=torch.bool)),
    ],
)
def test_only_local_refuses_what_does_not_fit(found, local):
    with pytest.raises(LossError, match="only_local\\(\\) got"):
        miners.only_local(found, local)


@pytest.mark.parametrize(
    "miner", [miners.batch_all, miners.batch_hard, miners.semi_hard, miners.local_positives]
)
def test_distances_that_cannot_be_looked_at_are_refused_by_name(miner):
    d, y = torch.rand(4, 4), torch.tensor([0, 0, 1, 1])
    strange = [(d.to_sparse(), y), (d.to("meta"), y), (d, y.to("meta")), (d.to(torch.float8_e5m2), y)]
    for distances, labels in [*strange, (d, y.to(torch.complex64)), (d, y.to_sparse())]:
        with pytest.raises(LossError, match=rf"{miner.__name__}\(\) got"):
            miner(distances, labels)
