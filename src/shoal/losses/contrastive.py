"""Contrastive loss: equal pairs together, other pairs at least a margin apart."""

from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from shoal.losses.base import Loss, LossError, check_setting, nothing
from shoal.losses.distance import centred, inverse, pull, strips, wide
from shoal.losses.once import final

FORMS = ("hadsell", "hinge")


class ContrastiveLoss(Loss):
    """All pairs of the batch, Euclidean distance d, rows not normalised.

    form "hadsell": 1/2 d^2 for a pair of one class, 1/2 max(0, margin - d)^2 for another pair (Hadsell,
    Chopra and LeCun 2006, CVPR). Each kind is averaged over its own pairs and the two means are added;
    the paper sums, but in a batch other pairs outnumber equal ones by K to 1.
    form "hinge": max(0, d - positive_margin) and max(0, margin - d), unsquared, each averaged over its pairs
    above 0; this is pytorch-metric-learning's ContrastiveLoss without its normalisation.
    O(N^2) time in O(N) memory: one pass gives the value and its slope.
    """

    def __init__(self, *, margin: float = 1.0, positive_margin: float = 0.0, form: str = "hadsell") -> None:
        super().__init__()
        if form not in FORMS:
            raise LossError(f"ContrastiveLoss has no form {form!r}; there are {', '.join(FORMS)}.")
        check_setting("ContrastiveLoss", "margin", margin, above=0.0)
        check_setting("ContrastiveLoss", "positive_margin", positive_margin, at_least=0.0)
        if form == "hadsell" and positive_margin:
            raise LossError("ContrastiveLoss takes a positive_margin only with form='hinge'.")
        self.margin = margin
        self.positive_margin = positive_margin
        self.form = form

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def compute(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the loss of z (N, D) with labels y (N,)."""
        if len(z) == 0:
            return nothing(z)
        margins = self.positive_margin, self.margin
        squared = self.form == "hadsell"
        loss: Tensor = _Contrast.apply(z, y, margins, squared)  # type: ignore[no-untyped-call]
        return loss


class _Contrast(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, y: Tensor, margins: tuple[float, float], squared: bool) -> Tensor:
        y, order = y.sort()
        given, z = z, centred(z[order])
        sloped = ctx.needs_input_grad[0]
        together, apart = _Sum.of(z, squared=squared), _Sum.of(z, squared=squared)
        for start, distances, same, close in strips(z, y):
            nearest = slice(same.shape[1])
            gaps = (margins[1] - distances).clamp_min_(0.0)
            gaps[:, nearest].masked_fill_(same, 0.0)
            excess = (distances[:, nearest] - margins[0]).clamp_min_(0.0).mul_(same)
            falls, rises = apart.add(gaps), together.add(excess)
            if sloped:
                per_distance = inverse(distances)
                together.pull(rises.mul_(per_distance[:, nearest]), start, close=close)
                apart.pull(falls.mul_(per_distance), start, close=close)
        equal = torch.unique(y, return_counts=True)[1].square().sum()
        pairs = (equal - len(y), len(y) ** 2 - equal) if squared else (together.above, apart.above)
        counts = [count.clamp_min(1) for count in pairs]
        if sloped:
            slope = torch.empty_like(z)
            slope[order] = together.slope / counts[0] - apart.slope / counts[1]
            ctx.save_for_backward(slope, given)
        return together.total / counts[0] + apart.total / counts[1]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        slope, z = ctx.saved_tensors
        return final(gradient * slope, z), None, None, None


@dataclass
class _Sum:
    """What one kind of pairs adds up to, each pair in both orders.

    total: of the gaps, or of half their squares. above: how many gaps are above 0. slope (N, D): of total by
    the rows z (N, D), if the gaps grew with the distances.
    """

    z: Tensor
    squared: bool
    total: Tensor
    above: Tensor
    slope: Tensor

    @classmethod
    def of(cls, z: Tensor, *, squared: bool) -> Self:
        """Start at nothing."""
        return cls(z, squared, z.new_zeros(()), z.new_zeros((), dtype=torch.int64), torch.zeros_like(z))

    def add(self, gaps: Tensor) -> Tensor:
        """Add one strip of gaps (B, M) >= 0; return the slope of the total by each of them (B, M)."""
        if self.squared:
            self.total += _in_both_orders(gaps.square()) / 2.0
            return gaps
        self.total += _in_both_orders(gaps)
        above = gaps.sign_()
        self.above += _in_both_orders(above).long()
        return above

    def pull(self, strength: Tensor, start: int, *, close: bool) -> None:
        """Add 2 sum_j strength_ij (z_i - z_j) to both ends of each pair of a strip (B, M) from `start`."""
        block, width = strength.shape
        strength = wide(strength.mul_(2.0)) if close else strength.mul_(2.0)
        rows, columns = self.z[start : start + block], self.z[start : start + width]
        self.slope[start : start + block] += pull(strength, rows, columns)
        self.slope[start + block : start + width] += pull(strength[:, block:].T, columns[block:], rows)


def _in_both_orders(strip: Tensor) -> Tensor:
    """Return the sum of a strip (B, M), its first B columns once and the others twice."""
    return 2.0 * strip.sum() - strip[:, : len(strip)].sum()
