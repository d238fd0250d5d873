"""The cross-entropy by columns is torch's own: value, slope, second slope, and at the ends of the range."""

import pytest
import torch
from torch.nn import functional

from shoal.losses import softmax

FEW = softmax.LANE // 8 - 1
"""So many classes are few in float64 too."""
MANY_ROWS = 2 * softmax.WORTH


def drawn(n, k, dtype=torch.float64):
    g = torch.Generator().manual_seed(k)
    return torch.randn(n, k, generator=g, dtype=dtype) * 4, torch.arange(n) % k


@pytest.mark.parametrize("k", [2, FEW, 40])
@pytest.mark.parametrize("n", [1, 7, MANY_ROWS])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_value_and_slope_are_those_of_torch(n, k, dtype):
    scores, y = drawn(n, k, dtype)
    ours, theirs = scores.clone().requires_grad_(), scores.clone().requires_grad_()
    value, wanted = softmax.cross_entropy(ours, y), functional.cross_entropy(theirs, y)
    value.backward()
    wanted.backward()
    exact = 1e-6 if dtype == torch.float32 else 1e-14
    assert value.item() == pytest.approx(wanted.item(), rel=exact)
    assert torch.allclose(ours.grad, theirs.grad, rtol=exact, atol=exact / n)


@pytest.mark.parametrize("k", [FEW, 40])
@pytest.mark.parametrize("biased", [True, False])
def test_linear_is_that_of_torch_whatever_its_layout(k, biased):
    rows, y = drawn(MANY_ROWS, k)
    weights, bias = drawn(k, k)[0], drawn(1, k)[0][0] if biased else None
    assert torch.allclose(softmax.linear(rows, weights, bias), functional.linear(rows, weights, bias))
    assert torch.allclose(softmax.rows_of(weights + weights.T, y), (weights + weights.T)[y])


def test_few_classes_are_gone_through_by_columns_and_many_by_rows():
    def columns(n, k, dtype=torch.float32):
        return softmax.linear(torch.ones(n, 4, dtype=dtype), torch.ones(k, 4, dtype=dtype)).T.is_contiguous()

    assert columns(MANY_ROWS, FEW)
    assert columns(MANY_ROWS, FEW, torch.float64)
    assert not columns(MANY_ROWS, softmax.LANE // 4)
    assert not columns(MANY_ROWS, softmax.LANE // 8, torch.float64)
    assert not columns(8, FEW)


def test_far_scores_neither_overflow_nor_lose_the_loss():
    scores, y = torch.full((MANY_ROWS, 3), -1e4), torch.zeros(MANY_ROWS, dtype=torch.int64)
    scores[:, 1] = 1e4
    value = softmax.cross_entropy(scores.requires_grad_(), y)
    value.backward()
    assert value.item() == 2e4
    assert torch.isfinite(scores.grad).all()


def test_the_slope_can_be_differentiated_again(monkeypatch):
    monkeypatch.setattr(softmax, "WORTH", 0)
    scores, y = drawn(6, 3)
    assert torch.autograd.gradgradcheck(lambda s: softmax.cross_entropy(s, y), scores.requires_grad_())
