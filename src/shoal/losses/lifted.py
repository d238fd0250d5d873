"""Lifted structure loss: every equal pair against all the negatives of both its items at once."""

from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn.functional import relu

from shoal.losses.base import Loss, check_setting, nothing
from shoal.losses.distance import centred, inverse, measured, pull, wide
from shoal.losses.once import final
from shoal.losses.pairs import has_pairs
from shoal.losses.scores import Anchors, anchors, shares_


class LiftedStructureLoss(Loss):
    """Song et al. (2016), CVPR, the smooth form.

    J_ij = log( sum_{k not of i's class} e^(margin - d_ik)
              + sum_{l not of j's class} e^(margin - d_jl) ) + d_ij,
    L = 1/(2 |P|) sum over equal pairs P of max(0, J_ij)^2. Euclidean distance, rows not normalised.
    The sum over negatives depends on one item only and is formed once for each. O(N^2) time in O(N P)
    memory, P items a class; value and slope are formed together.
    """

    def __init__(self, *, margin: float = 1.0) -> None:
        super().__init__()
        check_setting("LiftedStructureLoss", "margin", margin)
        self.margin = margin

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def compute(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the loss of z (N, D) with labels y (N,); 0 without an equal pair or without a negative."""
        if not has_pairs(y):
            return nothing(z)
        loss: Tensor = _Lifted.apply(z, y, self.margin)  # type: ignore[no-untyped-call]
        return loss


class _Lifted(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, y: Tensor, margin: float) -> Tensor:
        y, order = y.sort()
        rows = centred(z[order])
        parts = [_Part.of(rows, some, margin) for some in anchors(y)]
        push = torch.cat([part.push for part in parts])
        total, by_push, slope = z.new_zeros(()), torch.zeros_like(push), torch.zeros_like(rows)
        for part in parts:
            total += part.lift(push, by_push)
        for part in parts:
            part.pull_on(slope, rows, by_push)
        count = 2.0 * sum(len(part.near) for part in parts)
        unsorted = torch.empty_like(slope)
        unsorted[order] = slope / count
        ctx.save_for_backward(unsorted, z)
        return total / count

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        slope, z = ctx.saved_tensors
        return final(gradient * slope, z), None, None


@dataclass
class _Part:
    """Some anchors with what is known of them.

    push (B,): the log sum of e^(margin - d) over the negatives. near (T,): the distances of the equal pairs,
    later what the sum over pairs of max(0, J)^2 gains by each. kept: the whole distances and shares of the
    first part, which saves forming them again where a batch has no other.
    """

    anchors: Anchors
    margin: float
    push: Tensor
    near: Tensor
    kept: tuple[Tensor, bool, Tensor] | None

    @classmethod
    def of(cls, rows: Tensor, some: Anchors, margin: float) -> Self:
        """Look at the distances of some anchors to all rows (N, D)."""
        distances, close, push, shares = _look(rows, some, margin)
        near = distances.view(-1)[some.positives]
        return cls(some, margin, push, near, None if some.rows.start else (distances, close, shares))

    def lift(self, push: Tensor, by_push: Tensor) -> Tensor:
        """Return the sum of max(0, J)^2, from push (N,) of all; add its slopes by these to by_push (N,)."""
        i = self.anchors.rows.start + self.anchors.of
        j = self.anchors.positives - self.anchors.of * len(push)
        lifted = relu(torch.logaddexp(push[i], push[j]) + self.near)
        self.near = 2.0 * lifted
        share = torch.sigmoid(push[i] - push[j]) * self.near
        by_push.index_add_(0, i, share).index_add_(0, j, self.near - share)
        return lifted.square().sum()

    def pull_on(self, slope: Tensor, rows: Tensor, by_push: Tensor) -> None:
        """Add to slope (N, D) what these anchors' pairs and negatives give."""
        at = self.anchors.rows
        if self.kept is None:
            distances, close, _, shares = _look(rows, self.anchors, self.margin)
        else:
            distances, close, shares = self.kept
        strength = shares.mul_(-by_push[at, None])
        strength.view(-1).index_copy_(0, self.anchors.positives, self.near)
        strength.mul_(inverse(distances))
        strength = wide(strength) if close else strength
        slope[at] += pull(strength, rows[at], rows)
        slope += pull(strength.T, rows, rows[at])


def _look(rows: Tensor, some: Anchors, margin: float) -> tuple[Tensor, bool, Tensor, Tensor]:
    """Return distances (B, N), whether they are `close`, push (B,), the negatives' shares of it (B, N)."""
    distances, close = measured(rows[some.rows], rows, some.rows.start)
    gaps = margin - distances
    gaps.view(-1).index_fill_(0, some.positives, -torch.inf)
    gaps.diagonal(offset=some.rows.start).fill_(-torch.inf)
    push, powers, sums = shares_(gaps)
    return distances, close, push, powers.div_(sums[:, None])
