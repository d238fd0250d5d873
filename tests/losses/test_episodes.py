"""Few-shot losses: support and queries, leaving one out, hand sums and plain loops."""

import math

import pytest
import torch

from shoal.losses.base import LossError
from shoal.losses.episodes import prototypes, split, without_itself
from shoal.losses.prototypical import PrototypicalLoss
from shoal.losses.relation import RelationLoss


def test_support_is_the_first_of_each_class():
    support, query = split(torch.tensor([4, 2, 4, 2, 4, 7]), 2)
    assert support.tolist() == [True, True, True, True, False, True]
    assert torch.equal(query, ~support)


def test_prototypes_and_means_without_the_item():
    z, places = torch.tensor([[0.0], [2.0], [7.0], [4.0]]), torch.tensor([0, 0, 1, 0])
    assert prototypes(z, places, 2).tolist() == [[2.0], [7.0]]
    others, company = without_itself(z, places, 2)
    assert others[[0, 1, 3]].tolist() == [[3.0], [2.0], [1.0]]
    assert company.tolist() == [True, True, False, True]


def test_prototypical_by_hand():
    z = torch.tensor([[0.0], [4.0], [2.0], [6.0], [3.0]])
    y = torch.tensor([0, 1, 0, 1, 0])
    # shots 1: prototypes 0 and 4; queries 2 (class 0: 4, 4), 6 (class 1: 36, 4), 3 (class 0: 9, 1)
    wanted = (math.log(2) + math.log(1 + math.exp(-32)) + math.log(1 + math.exp(8))) / 3
    assert PrototypicalLoss(shots=1)(z, y).item() == pytest.approx(wanted)


def test_prototypical_leaving_one_out_equals_loops():
    g = torch.Generator().manual_seed(0)
    z, y = (
        torch.randn(12, 3, generator=g, dtype=torch.float64),
        torch.tensor([0] * 4 + [1] * 4 + [2] * 3 + [5]),
    )
    terms = []
    for i in range(11):  # item 11 is alone in its class: no query, but a rival
        means = {int(k): z[[j for j in range(12) if y[j] == k and j != i]].mean(dim=0) for k in y.unique()}
        scores = {k: -float((z[i] - m).square().sum()) for k, m in means.items()}
        terms.append(-math.log(math.exp(scores[int(y[i])]) / sum(math.exp(s) for s in scores.values())))
    assert PrototypicalLoss()(z, y).item() == pytest.approx(sum(terms) / 11)


def test_without_a_query_the_loss_is_zero():
    z, y = torch.randn(4, 2, requires_grad=True), torch.tensor([0, 0, 1, 1])
    for loss in (PrototypicalLoss(shots=2), RelationLoss(2, shots=5)):
        value = loss(z, y)
        assert value == 0
        value.backward()


@pytest.mark.parametrize("shots", [None, 1])
def test_relation_equals_loops(shots):
    torch.manual_seed(0)
    loss = RelationLoss(2, hidden=5, shots=shots).double()
    z, y = torch.randn(7, 2, dtype=torch.float64), torch.tensor([0, 0, 0, 1, 1, 2, 2])
    queries = range(7) if shots is None else (1, 2, 4, 6)
    terms = []
    for i in queries:
        for k in range(3):
            members = [j for j in range(7) if y[j] == k and j != i][: shots or 7]
            pair = torch.cat([z[members].mean(dim=0), z[i]])
            r = torch.sigmoid(loss.last(loss.first(pair).relu()))
            terms.append((float(r.detach()) - float(y[i] == k)) ** 2)
    assert loss(z, y).item() == pytest.approx(sum(terms) / len(terms))


def test_settings_it_refuses():
    for build in (
        lambda: PrototypicalLoss(shots=0),
        lambda: RelationLoss(2, shots=0),
        lambda: RelationLoss(0),
    ):
        with pytest.raises(LossError, match="at least 1"):
            build()


@pytest.mark.parametrize("shots", [None, 3])
@pytest.mark.parametrize("width", [3, 32])
def test_prototypical_keeps_its_digits_in_classes_far_from_the_others(width, shots):
    g = torch.Generator().manual_seed(0)
    means = 0.3 * torch.randn(5, width, generator=g)
    means[3:] += 3_000.0 * torch.nn.functional.normalize(torch.ones(width), dim=0)
    y = torch.arange(5).repeat(12)
    z = means[y] + 0.3 * torch.randn(60, width, generator=g)
    loss, found = PrototypicalLoss(shots=shots), []
    for dtype in (torch.float32, torch.float64):
        rows = z.to(dtype, copy=True).requires_grad_()
        value = loss(rows, y)
        value.backward()
        found.append((value.detach().double(), rows.grad.double()))
    (value, slope), (wanted, exact) = found
    assert torch.allclose(value, wanted, rtol=1e-3)
    assert (slope - exact).norm() < 1e-3 * exact.norm()
