"""Losses over one direction or proxy a class, against hand sums and plain loops."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from shoal.losses.base import LossError
from shoal.losses.distance import unit
from shoal.losses.norm_softmax import NormSoftmaxLoss
from shoal.losses.proxy_anchor import ProxyAnchorLoss
from shoal.losses.proxy_nca import ProxyNCALoss

G = torch.Generator().manual_seed(0)
Z = torch.randn(9, 4, generator=G, dtype=torch.float64)
W = torch.randn(5, 4, generator=G, dtype=torch.float64)
Y = torch.tensor([0, 0, 1, 1, 3, 3, 3, 0, 1])  # classes 2 and 4 are not in the batch


def with_weights(loss):
    loss = loss.double()
    with torch.no_grad():
        loss.weights.copy_(W)
    return loss


def test_norm_softmax_is_cross_entropy_of_cosines():
    cosines = torch.cosine_similarity(Z[:, None], W, dim=2)
    assert torch.allclose(
        with_weights(NormSoftmaxLoss(5, 4, temperature=0.3))(Z, Y), cross_entropy(cosines / 0.3, Y)
    )


@pytest.mark.parametrize("variant", ["paper", "softmax"])
def test_proxy_nca_equals_loops(variant):
    d = torch.cdist(unit(Z), unit(W)).square().tolist()
    terms = []
    for row, y in zip(d, Y.tolist(), strict=True):
        others = sum(math.exp(-2.0 * v) for k, v in enumerate(row) if variant == "softmax" or k != y)
        terms.append(-math.log(math.exp(-2.0 * row[y]) / others))
    loss = with_weights(ProxyNCALoss(5, 4, scale=2.0, variant=variant))
    assert loss(Z, Y).item() == pytest.approx(sum(terms) / len(terms))


def test_proxy_anchor_equals_loops():
    s, y, alpha, delta = torch.cosine_similarity(Z[:, None], W, dim=2).tolist(), Y.tolist(), 8.0, 0.2
    pull = [
        math.log(1 + sum(math.exp(-alpha * (s[i][k] - delta)) for i in range(9) if y[i] == k))
        for k in (0, 1, 3)
    ]
    push = [
        math.log(1 + sum(math.exp(alpha * (s[i][k] + delta)) for i in range(9) if y[i] != k))
        for k in range(5)
    ]
    loss = with_weights(ProxyAnchorLoss(5, 4, alpha=alpha, delta=delta))
    assert loss(Z, Y).item() == pytest.approx(sum(pull) / 3 + sum(push) / 5)


def test_proxy_anchor_of_one_class_pushes_every_other_proxy():
    loss = with_weights(ProxyAnchorLoss(5, 4))
    loss(Z[:2], Y[:2]).backward()
    assert loss.weights.grad.isfinite().all()
    assert loss.weights.grad[0].abs().sum() > 0


def test_scores_predict_the_class():
    for kind in (NormSoftmaxLoss, ProxyNCALoss, ProxyAnchorLoss):
        assert with_weights(kind(5, 4)).scores(3.0 * W).argmax(dim=1).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: NormSoftmaxLoss(3, 2, temperature=0.0), "temperature=0"),
        (lambda: ProxyNCALoss(3, 2, variant="released"), "paper, softmax"),
        (lambda: ProxyNCALoss(3, 2, scale=0.0), "scale=0"),
        (lambda: ProxyAnchorLoss(3, 2, alpha=0.0), "alpha=0"),
    ],
)
def test_settings_it_refuses(build, message):
    with pytest.raises(LossError, match=message):
        build()
