"""Equality with pytorch-metric-learning 2, its normalisation switched off where ours has none."""

import pytest
import torch
from pytorch_metric_learning import losses as theirs
from pytorch_metric_learning.distances import DotProductSimilarity, LpDistance
from pytorch_metric_learning.miners import BatchHardMiner, TripletMarginMiner

from shoal import miners
from shoal.losses.contrastive import ContrastiveLoss
from shoal.losses.distance import pairwise, unit
from shoal.losses.lifted import LiftedStructureLoss
from shoal.losses.n_pair import NPairLoss
from shoal.losses.norm_softmax import NormSoftmaxLoss
from shoal.losses.nt_xent import NTXentLoss
from shoal.losses.proxy_anchor import ProxyAnchorLoss
from shoal.losses.proxy_nca import ProxyNCALoss
from shoal.losses.supcon import SupConLoss
from shoal.losses.triplet import TripletLoss

PLAIN = LpDistance(normalize_embeddings=False)
G = torch.Generator().manual_seed(0)
Y = torch.cat([torch.arange(6).repeat(4), torch.tensor([7])])
Z = torch.randn(25, 5, generator=G, dtype=torch.float64)

PAIRS = [
    (
        ContrastiveLoss(form="hinge", margin=2.0, positive_margin=0.5),
        theirs.ContrastiveLoss(pos_margin=0.5, neg_margin=2.0, distance=PLAIN),
    ),
    (TripletLoss(margin=0.3), theirs.TripletMarginLoss(margin=0.3, distance=PLAIN)),
    (LiftedStructureLoss(margin=1.0), theirs.LiftedStructureLoss(neg_margin=1.0, distance=PLAIN)),
    (NPairLoss(pairs="first"), theirs.NPairsLoss(distance=DotProductSimilarity(normalize_embeddings=False))),
    (NTXentLoss(temperature=0.07), theirs.NTXentLoss(temperature=0.07)),
    (SupConLoss(temperature=0.1), theirs.SupConLoss(temperature=0.1)),
]


def slope(loss, z, y):
    leaf = z.clone().requires_grad_()
    value = loss(leaf, y)
    value.backward()
    return value.detach(), leaf.grad


@pytest.mark.parametrize(("ours", "reference"), PAIRS, ids=lambda loss: type(loss).__name__)
def test_pair_losses_in_value_and_gradient(ours, reference):
    for got, wanted in zip(slope(ours, Z, Y), slope(reference, Z, Y), strict=True):
        assert torch.allclose(got, wanted, atol=1e-7, rtol=1e-5)


@pytest.mark.parametrize(
    ("ours", "reference", "weight"),
    [
        (
            ProxyNCALoss(8, 5, scale=3.0, variant="softmax"),
            theirs.ProxyNCALoss(8, 5, softmax_scale=3.0),
            "proxies",
        ),
        (ProxyAnchorLoss(8, 5), theirs.ProxyAnchorLoss(8, 5), "proxies"),
        (NormSoftmaxLoss(8, 5), theirs.NormalizedSoftmaxLoss(8, 5), "W"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_proxy_losses_in_value_and_gradient(ours, reference, weight):
    ours, reference = ours.double(), reference.double()
    target = getattr(reference, weight)
    with torch.no_grad():
        target.copy_(ours.weights.T if weight == "W" else ours.weights)
    for got, wanted in zip(slope(ours, Z, Y), slope(reference, Z, Y), strict=True):
        assert torch.allclose(got, wanted, atol=1e-7, rtol=1e-5)


def as_set(triplets):
    return set(zip(*(column.tolist() for column in triplets), strict=True))


def test_batch_hard_finds_the_same_triplets():
    assert as_set(miners.batch_hard(pairwise(Z), Y)) == as_set(BatchHardMiner(distance=PLAIN)(Z, Y))


def test_semi_hard_takes_the_nearest_of_their_semi_hard_triplets():
    all_of_them = as_set(TripletMarginMiner(margin=0.5, type_of_triplets="semihard", distance=PLAIN)(Z, Y))
    distances = pairwise(Z)
    nearest = {}
    for a, p, n in sorted(all_of_them, key=lambda t: float(distances[t[0], t[2]])):
        nearest.setdefault((a, p), n)
    found = as_set(miners.semi_hard(distances, Y, margin=0.5))
    assert found == {(a, p, n) for (a, p), n in nearest.items()}
    assert len(found) > 5


def test_the_default_of_theirs_is_a_circle_in_two_dimensions_and_ours_is_not():
    z = Z[:, :2]
    assert torch.allclose(theirs.ContrastiveLoss()(z, Y), theirs.ContrastiveLoss()(unit(z), Y))
    assert not torch.allclose(ContrastiveLoss()(z, Y), ContrastiveLoss()(unit(z), Y))
