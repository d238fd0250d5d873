"""Sums over anchors of what their scores, dot products with all items, say: value and slope in one pass."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from shoal.losses.distance import rows_at_once
from shoal.losses.once import final


@dataclass(frozen=True)
class Anchors:
    """Some anchors of a batch whose labels ascend, and where in their scores (B, N) their positives lie.

    rows: which items they are. positives (T,): flat positions of the other items of each anchor's class, and
    of (T,): whose they are. counts (B,): how many positives each anchor has.
    A list of places and not a mask, because comparing and masking takes several times as long as arithmetic.
    """

    rows: slice
    positives: Tensor
    of: Tensor
    counts: Tensor


def anchors(y: Tensor) -> Iterator[Anchors]:
    """Yield all items of ascending labels y (N,) as anchors, so many that their scores fit the cache."""
    n, size = len(y), rows_at_once(len(y))
    first = torch.searchsorted(y, y)
    sizes = torch.searchsorted(y, y, right=True) - first - 1
    for start in range(0, n, size):
        rows = slice(start, min(start + size, n))
        number = torch.arange(rows.stop - start, device=y.device)
        counts = sizes[rows]
        of = number.repeat_interleave(counts)
        begin = first[rows] + number * n - (counts.cumsum(0) - counts)
        places = begin[of] + torch.arange(len(of), device=y.device)
        # from the anchor itself on, one further
        yield Anchors(rows, places + (places >= (number * (n + 1) + start)[of]), of, counts)


OfScores = Callable[[Tensor, Anchors], tuple[Tensor, Tensor, Tensor]]
"""Scores (B, N), which it may overwrite, to a sum over the anchors, its number of terms, its slope (B, N)."""


@torch.compiler.disable  # type: ignore[untyped-decorator]
def mean_over_scores(z: Tensor, y: Tensor, of_scores: OfScores, *, scale: float = 1.0) -> Tensor:
    """Return the sum of all anchors' sums over the number of terms, scores = scale z z^T of rows z (N, D)."""
    mean: Tensor = _Mean.apply(z, y, of_scores, scale)  # type: ignore[no-untyped-call]
    return mean


class _Mean(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, y: Tensor, of_scores: OfScores, scale: float) -> Tensor:
        y, order = y.sort()
        items = z[order]
        total, number, slope = z.new_zeros(()), z.new_zeros(()), torch.zeros_like(items)
        for some in anchors(y):
            scaled = items[some.rows] * scale
            part, terms, by_scores = of_scores(scaled @ items.T, some)
            total += part
            number += terms
            slope.addmm_(by_scores.T, scaled)
            slope[some.rows] += (by_scores @ items).mul_(scale)
        number.clamp_min_(1)
        unsorted = torch.empty_like(slope)
        unsorted[order] = slope.div_(number)
        ctx.save_for_backward(unsorted, z)
        return total / number

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        slope, z = ctx.saved_tensors
        return final(gradient * slope, z), None, None, None


def shares_(scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return log sum e^s (B,) of the rows s of scores (B, N), e^(s - max s) (B, N) and its sums (B,).

    The scores are overwritten. At least one of each row must not be -inf.
    """
    top = scores.amax(dim=1, keepdim=True)
    powers = scores.sub_(top).exp_()
    sums = powers.sum(dim=1)
    return sums.log() + top.squeeze(1), powers, sums
