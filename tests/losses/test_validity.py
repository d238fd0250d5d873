"""Losses made of cluster validity indices: hand sums, plain formulas, scikit-learn."""

import pytest
import torch
from sklearn import metrics
from tests.losses.made import with_two_close_classes

from shoal.losses.base import LossError
from shoal.losses.calinski_harabasz import CalinskiHarabaszLoss
from shoal.losses.davies_bouldin import CAP, DaviesBouldinLoss
from shoal.losses.generalised_dunn import GeneralisedDunnLoss, extreme
from shoal.losses.validity import share
from shoal.losses.wb import WBLoss
from shoal.losses.xie_beni import XieBeniLoss

# two classes on a line with means 1 and 7, sizes 2 and 3: SSW = 2 + 8 = 10, grand mean 4.6,
# SSB = 2 * 3.6^2 + 3 * 2.4^2 = 43.2; radii 1 and 4/3
Z = torch.tensor([[0.0], [2.0], [5.0], [7.0], [9.0]])
Y = torch.tensor([0, 0, 1, 1, 1])


def ratio_of(loss: torch.Tensor) -> float:
    """Undo bad / (bad + good): the index bad / good."""
    return float(loss / (1.0 - loss))


def test_known_values_by_hand():
    assert 1 / ratio_of(CalinskiHarabaszLoss()(Z, Y)) == pytest.approx((43.2 / 1) / (10 / 3), rel=1e-5)
    assert ratio_of(WBLoss()(Z, Y)) == pytest.approx(2 * 10 / 43.2, rel=1e-5)
    assert ratio_of(XieBeniLoss()(Z, Y)) == pytest.approx(10 / (5 * 36), rel=1e-5)
    assert float(DaviesBouldinLoss()(Z, Y)) == pytest.approx((1 + 4 / 3) / 6, rel=1e-5)
    gd43 = 6 / (2 * 4 / 3)
    assert 1 / ratio_of(GeneralisedDunnLoss(softness=0.0)(Z, Y)) == pytest.approx(gd43, rel=1e-5)
    gd33 = ((5 + 7 + 9 + 3 + 5 + 7) / 6) / (2 * 4 / 3)
    hard = GeneralisedDunnLoss(separation="mean", softness=0.0)
    assert 1 / ratio_of(hard(Z, Y)) == pytest.approx(gd33, rel=1e-5)


def test_equal_to_scikit_learn():
    g = torch.Generator().manual_seed(0)
    z, y = torch.randn(200, 6, generator=g, dtype=torch.float64), torch.randint(9, (200,), generator=g)
    ch, db = metrics.calinski_harabasz_score(z, y), metrics.davies_bouldin_score(z, y)
    assert 1 / ratio_of(CalinskiHarabaszLoss()(z, y)) == pytest.approx(ch, rel=1e-9)
    assert float(DaviesBouldinLoss()(z, y)) == pytest.approx(db, rel=1e-9)


def test_the_dunn_extremes_among_three_classes():
    # means 0, 10, 14; the closest pair is 4 apart; the widest class has radius 3
    z = torch.tensor([[-1.0], [1.0], [7.0], [13.0], [13.5], [14.5]])
    y = torch.tensor([0, 0, 1, 1, 2, 2])
    hard = GeneralisedDunnLoss(softness=0.0)(z, y)
    assert 1 / ratio_of(hard) == pytest.approx(4 / 6, rel=1e-5)
    assert torch.isclose(GeneralisedDunnLoss(softness=1e-3)(z, y), hard)


def test_soft_extremes():
    x = torch.tensor([1.0, 2.0, 6.0])
    assert extreme(x, softness=0.0, sign=1.0) == 6.0
    assert extreme(x, softness=0.0, sign=-1.0) == 1.0
    assert torch.isclose(extreme(x, softness=1e5, sign=1.0), torch.tensor(3.0), atol=1e-3)
    assert extreme(x, softness=0.2, sign=-1.0) < 1.2


def test_equal_means_are_the_worst_and_not_the_best():
    z = torch.tensor([[-1.0], [1.0], [-2.0], [2.0]], requires_grad=True)
    y = torch.tensor([0, 0, 1, 1])
    for loss in (CalinskiHarabaszLoss(), WBLoss(), XieBeniLoss(), GeneralisedDunnLoss()):
        assert float(loss(z, y).detach()) == 1.0
    value = DaviesBouldinLoss()(z, y)
    value.backward()
    assert float(value.detach()) == pytest.approx(CAP)
    assert z.grad.isfinite().all()


def test_every_item_in_one_point_gives_zero():
    assert share(torch.zeros(()), torch.zeros(())) == 0


@pytest.mark.parametrize(
    "kind", [CalinskiHarabaszLoss, WBLoss, XieBeniLoss, DaviesBouldinLoss, GeneralisedDunnLoss]
)
def test_scale_and_shift_do_not_matter(kind):
    g = torch.Generator().manual_seed(0)
    z, y = torch.randn(30, 4, generator=g, dtype=torch.float64), torch.arange(30) % 4
    assert torch.allclose(kind()(z, y), kind()(7.0 * z + 3.0, y))
    for scale in (1e-25, 1e25):
        leaf = (scale * z).float().requires_grad_()
        value = kind()(leaf, y)
        value.backward()
        assert torch.allclose(value.double(), kind()(z, y), rtol=1e-4)
        assert leaf.grad.isfinite().all()


@pytest.mark.parametrize("separation", ["centroid", "mean"])
@pytest.mark.parametrize("softness", [0.0, 0.5])
def test_gradient_of_every_dunn(separation, softness):
    g = torch.Generator().manual_seed(0)
    z, y = torch.randn(12, 3, generator=g, dtype=torch.float64), torch.arange(12) % 3
    loss = GeneralisedDunnLoss(separation=separation, softness=softness)
    assert torch.autograd.gradcheck(lambda z: loss(z, y), (z.requires_grad_(),))


def test_settings_it_refuses():
    with pytest.raises(LossError, match="centroid, mean"):
        GeneralisedDunnLoss(separation="single")
    with pytest.raises(LossError, match="softness=-1"):
        GeneralisedDunnLoss(softness=-1.0)


@pytest.mark.parametrize(
    "loss",
    [
        DaviesBouldinLoss(),
        XieBeniLoss(),
        GeneralisedDunnLoss(),
        GeneralisedDunnLoss(softness=0.0),
    ],
)
def test_two_classes_close_to_each_other_keep_their_digits_in_float32(loss):
    g = torch.Generator().manual_seed(0)
    for gap in (1e-2, 1e-3, 1e-4):
        z, y = with_two_close_classes(gap, g)
        one, two = z.clone().requires_grad_(), z.double().requires_grad_()
        value, exact = loss(one, y), loss(two, y)
        (value + exact).backward()
        # what rounding the rows themselves costs
        assert value.item() == pytest.approx(exact.item(), rel=1e-5 + 1e-7 / gap)
        assert (one.grad - two.grad).norm() < (1e-4 + 1e-6 / gap) * two.grad.norm()
