"""Pair and triplet losses against hand sums and plain loops over every pair and triplet."""

import math
from functools import partial

import pytest
import torch
from torch.nn.functional import cross_entropy

from shoal import miners
from shoal.losses.base import LossError
from shoal.losses.contrastive import ContrastiveLoss
from shoal.losses.distance import pairwise, unit
from shoal.losses.lifted import LiftedStructureLoss
from shoal.losses.n_pair import NPairLoss, first_pairs, n_pair
from shoal.losses.nt_xent import NTXentLoss
from shoal.losses.supcon import SupConLoss
from shoal.losses.triplet import FORMS, TripletLoss

IN_BLOCKS = [
    ContrastiveLoss(),
    ContrastiveLoss(form="hinge", positive_margin=0.1, margin=3.0),
    LiftedStructureLoss(),
    NPairLoss(),
    NTXentLoss(),
    SupConLoss(),
    TripletLoss(),
    TripletLoss(form="squared"),
]
LINE = torch.tensor([[0.0], [0.5], [0.75], [3.0]])
LINE_Y = torch.tensor([0, 0, 1, 1])


def rows(n=14, classes=4, width=3, seed=0):
    g = torch.Generator().manual_seed(seed)
    y = torch.cat([torch.arange(classes), torch.randint(classes, (n - classes,), generator=g)])
    y[0] = 9
    return torch.randn(n, width, generator=g, dtype=torch.float64), y


def test_equal_rows_have_distance_zero_and_no_gradient():
    z = torch.tensor([[1.0, 2.0], [1.0, 2.0], [4.0, 6.0]], requires_grad=True)
    distances = pairwise(z)
    assert torch.allclose(distances, torch.tensor([[0.0, 0, 5], [0, 0, 5], [5, 5, 0]]))
    distances.sum().backward()
    assert torch.allclose(z.grad, torch.tensor([[-1.2, -1.6], [-1.2, -1.6], [2.4, 3.2]]))


@pytest.mark.parametrize(
    "loss", IN_BLOCKS, ids=lambda loss: f"{type(loss).__name__}-{vars(loss).get('form')}"
)
def test_many_small_blocks_give_the_same_as_one(loss, monkeypatch):
    z, y = rows(23, 5, 12)
    z[4], y[4] = z[5], y[5]
    z[6], y[6] = z[7], (y[7] + 1) % 5
    leaf = z.requires_grad_()
    value = loss(leaf, y)
    (slope,) = torch.autograd.grad(value, leaf)
    monkeypatch.setattr("shoal.losses.distance.STRIP", 100)
    monkeypatch.setattr("shoal.losses.distance.MIN_ROWS", 3)
    again = loss(leaf, y)
    assert torch.allclose(again, value, rtol=1e-12)
    assert torch.allclose(torch.autograd.grad(again, leaf)[0], slope, atol=1e-12)
    clear = rows(17, 5, 12)
    assert torch.autograd.gradcheck(lambda z: loss(z, clear[1]), (clear[0].requires_grad_(),), fast_mode=True)
    with torch.no_grad():
        assert torch.equal(loss(leaf, y), again)


def test_contrastive_by_hand():
    # equal pairs: .5 and 2.25; others: .75, 3, .25, 2.5; margin 1
    hadsell = (0.25 + 5.0625) / 2 / 2 + (0.25**2 + 0 + 0.75**2 + 0) / 4 / 2
    assert float(ContrastiveLoss()(LINE, LINE_Y)) == pytest.approx(hadsell)
    hinge = (0.4 + 2.15) / 2 + (0.25 + 0.75) / 2
    assert float(ContrastiveLoss(form="hinge", positive_margin=0.1)(LINE, LINE_Y)) == pytest.approx(hinge)


def test_contrastive_of_one_class_still_attracts():
    assert float(ContrastiveLoss()(LINE, torch.zeros(4, dtype=torch.int64))) > 0


def triplet_terms(d, y, form, margin):
    """The value of every triplet, one by one."""
    values = []
    n = len(y)
    for a in range(n):
        for p in range(n):
            for k in range(n):
                if a == p or y[a] != y[p] or y[k] == y[a]:
                    continue
                ap, an, pn = float(d[a, p]), float(d[a, k]), float(d[p, k])
                t1 = math.exp(ap) / (math.exp(ap) + math.exp(an))
                values.append(
                    {
                        "hinge": max(0.0, ap - an + margin),
                        "squared": max(0.0, ap**2 - an**2 + margin),
                        "soft": max(0.0, ap + math.log(math.exp(margin - an) + math.exp(margin - pn))),
                        "softplus": math.log(1 + math.exp(ap - an)),
                        "ratio": t1**2 - (1 - t1) ** 2 + 1,
                        "softmax-ratio": t1**2 + (1 - (1 - t1)) ** 2,
                    }[form]
                )
    return values


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("margin", [0.0, 0.5])
def test_triplet_equals_a_triple_loop(form, margin):
    z, y = rows()
    values = [v for v in triplet_terms(pairwise(z), y.tolist(), form, margin) if v > 0]
    wanted = sum(values) / len(values)
    assert float(TripletLoss(form=form, margin=margin)(z, y)) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("form", FORMS)
def test_mining_every_triplet_is_the_default_in_value_and_gradient(form):
    z, y = rows()
    slopes, values = [], []
    for miner in (None, miners.batch_all):
        leaf = z.clone().requires_grad_()
        value = TripletLoss(form=form, miner=miner)(leaf, y)
        value.backward()
        slopes.append(leaf.grad)
        values.append(value.detach())
    assert torch.allclose(*values)
    assert torch.allclose(*slopes)


def test_triplets_in_blocks_survive_compilation():
    z, y = rows()
    loss = TripletLoss(form="soft")
    assert torch.allclose(torch.compile(loss, backend="eager")(z, y), loss(z, y))


def test_triplet_with_miners_by_hand():
    # batch-hard: (0; 1; 2): .5 - .75, (1; 0; 2): .5 - .25, (2; 3; 1): 2.25 - .25, (3; 2; 1): 2.25 - 2.5
    loss = TripletLoss(margin=0.5, miner=miners.batch_hard)
    assert float(loss(LINE, LINE_Y)) == pytest.approx((0.25 + 0.75 + 2.5 + 0.25) / 4)
    # semi-hard: (0; 1; 2) at .75, (3; 2; 1) at 2.5; (1; 0) has only .25 and 2.5, (2; 3) only .25 and .75
    loss = TripletLoss(margin=0.5, miner=partial(miners.semi_hard, margin=0.5))
    assert float(loss(LINE, LINE_Y)) == pytest.approx(0.25)


def test_batch_hard_with_softplus_is_hermans_soft_margin():
    # ln(1 + exp(hardest positive - hardest negative)) of every anchor, no margin; the triplets as above
    loss = TripletLoss(form="softplus", miner=miners.batch_hard)
    terms = [math.log(1 + math.exp(gap)) for gap in (0.5 - 0.75, 0.5 - 0.25, 2.25 - 0.25, 2.25 - 2.5)]
    assert float(loss(LINE, LINE_Y)) == pytest.approx(sum(terms) / 4)


@pytest.mark.parametrize("form", ["softplus", "ratio", "softmax-ratio"])
@pytest.mark.parametrize("miner", [None, miners.batch_all])
def test_values_whose_digits_end_at_zero_count_in_the_mean(form, miner):
    z, y = rows(20, 3, 4)
    z = 300.0 * z  # e^-300 is 0 in float32
    loss = TripletLoss(form=form, miner=miner)
    d = torch.cdist(z, z)
    gaps = [
        float(d[a, p] - d[a, n])
        for a in range(20)
        for p in range(20)
        for n in range(20)
        if a != p and y[a] == y[p] != y[n]
    ]
    one = {
        "softplus": lambda gap: max(gap, 0) + math.log1p(math.exp(-abs(gap))),
        "ratio": lambda gap: 2 * float(torch.sigmoid(torch.tensor(gap))),
        "softmax-ratio": lambda gap: 2 * float(torch.sigmoid(torch.tensor(gap))) ** 2,
    }[form]
    wanted = sum(map(one, gaps)) / len(gaps)
    assert loss(z.float(), y).item() == pytest.approx(wanted, rel=1e-4)


def test_a_miner_that_finds_nothing_gives_zero_with_a_gradient():
    z = torch.tensor([[0.0], [1.0], [90.0], [91.0]], requires_grad=True)
    value = TripletLoss(miner=partial(miners.semi_hard, margin=0.2))(z, LINE_Y)
    value.backward()
    assert value == 0
    assert not z.grad.any()


def test_what_is_no_miner_is_refused():
    for miner in ("semi_hard", 3):
        with pytest.raises(LossError, match=r"TripletLoss got miner=.*shoal\.miners"):
            TripletLoss(miner=miner)


@pytest.mark.parametrize(
    "found",
    [
        3,
        (torch.tensor([0]), torch.tensor([1])),
        torch.zeros(3, 4),
        (torch.tensor([0.0]), torch.tensor([1.0]), torch.tensor([2.0])),
        (torch.tensor([0, 1]), torch.tensor([1]), torch.tensor([2])),
        (torch.tensor([True] * 4), torch.tensor([True] * 4), torch.tensor([True] * 4)),
        tuple(torch.ones(4, dtype=torch.uint8) for _ in range(3)),
        (torch.tensor([0]), torch.tensor([1]), torch.tensor([4])),
        (torch.tensor([-1]), torch.tensor([1]), torch.tensor([2])),
    ],
)
def test_what_a_miner_must_not_find_is_refused(found):
    with pytest.raises(LossError, match=r"TripletLoss got from its miner.*three columns"):
        TripletLoss(miner=lambda d, y: found)(LINE, LINE_Y)


def test_lifted_structure_equals_loops_over_pairs():
    z, y = rows()
    d, n, total, pairs = pairwise(z), len(y), 0.0, 0
    for i in range(n):
        for j in range(n):
            if i == j or y[i] != y[j]:
                continue
            mass = sum(math.exp(1.0 - float(d[i, k])) for k in range(n) if y[k] != y[i])
            mass += sum(math.exp(1.0 - float(d[j, k])) for k in range(n) if y[k] != y[j])
            total += max(0.0, math.log(mass) + float(d[i, j])) ** 2
            pairs += 1
    assert float(LiftedStructureLoss()(z, y)) == pytest.approx(total / (2 * pairs), rel=1e-9)


def test_n_pair_of_the_paper_by_hand():
    # products 1, 0 / 2, 3: mean of log(1 + e^(0-1)), log(1 + e^(2-3))
    anchors = torch.tensor([[1.0, 0.0], [2.0, 3.0]])
    positives = torch.eye(2)
    assert float(n_pair(anchors, positives)) == pytest.approx(math.log(1 + math.exp(-1)))
    z = torch.stack([anchors[0], anchors[1], positives[0], positives[1]])
    assert torch.isclose(NPairLoss(pairs="first")(z, torch.tensor([5, 2, 5, 2])), n_pair(anchors, positives))


def test_first_pairs_leave_singletons_out():
    anchors, positives = first_pairs(torch.tensor([3, 1, 3, 2, 1, 3]))
    assert anchors.tolist() == [1, 0]
    assert positives.tolist() == [4, 2]


def test_n_pair_over_all_pairs_equals_loops():
    z, y = rows()
    s, n, terms = z @ z.T, len(y), []
    for i in range(n):
        for p in range(n):
            if i != p and y[i] == y[p]:
                terms.append(
                    math.log(1 + sum(math.exp(float(s[i, k] - s[i, p])) for k in range(n) if y[k] != y[i]))
                )
    assert float(NPairLoss()(z, y)) == pytest.approx(sum(terms) / len(terms), rel=1e-9)


def test_nt_xent_and_supcon_equal_loops():
    z, y = rows()
    s, n = unit(z) @ unit(z).T / 0.2, len(y)
    pairs, anchors = [], []
    for i in range(n):
        e = [math.exp(float(v)) for v in s[i]]
        positives = [p for p in range(n) if p != i and y[p] == y[i]]
        foreign = sum(e[k] for k in range(n) if y[k] != y[i])
        pairs += [-math.log(e[p] / (e[p] + foreign)) for p in positives]
        if positives:
            everyone = sum(e) - e[i]
            anchors.append(-sum(math.log(e[p] / everyone) for p in positives) / len(positives))
    assert float(NTXentLoss(temperature=0.2)(z, y)) == pytest.approx(sum(pairs) / len(pairs), rel=1e-9)
    assert float(SupConLoss(temperature=0.2)(z, y)) == pytest.approx(sum(anchors) / len(anchors), rel=1e-9)


def test_with_two_views_an_image_nt_xent_is_simclr():
    z = torch.randn(8, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    cosines = unit(z) @ unit(z).T / 0.07
    logits = cosines.masked_fill(torch.eye(8, dtype=torch.bool), -torch.inf)
    partner = torch.tensor([4, 5, 6, 7, 0, 1, 2, 3])
    wanted = cross_entropy(logits, partner)
    y = torch.arange(4).repeat(2)
    assert torch.allclose(NTXentLoss()(z, y), wanted)
    assert torch.allclose(SupConLoss(temperature=0.07)(z, y), wanted)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ContrastiveLoss(form="cosine"), "hadsell, hinge"),
        (lambda: ContrastiveLoss(margin=0.0), "margin=0"),
        (lambda: ContrastiveLoss(positive_margin=0.1), "only with form='hinge'"),
        (lambda: TripletLoss(form="cubic"), "hinge, squared"),
        (lambda: TripletLoss(margin=-1.0), "margin=-1"),
        (lambda: NPairLoss(pairs="some"), "all, first"),
        (lambda: NTXentLoss(temperature=0.0), "temperature=0"),
        (lambda: SupConLoss(temperature=-1.0), "temperature=-1"),
    ],
)
def test_settings_it_refuses(build, message):
    with pytest.raises(LossError, match=message):
        build()
