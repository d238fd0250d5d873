"""Sums over anchors, a block of them at a time: value and slope in one pass, and no N x N matrix is kept."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from shoal.losses.distance import rows_at_once
from shoal.losses.once import once


@dataclass(frozen=True)
class Block:
    """Some anchors of a batch whose labels ascend, and where their classes lie.

    rows: which anchors. near: the items of their classes; all others are negatives of every anchor here.
    same (B, S) bool: which of `near` are of the anchor's class; positive (B, S): and not the anchor itself.
    """

    rows: slice
    near: slice
    same: Tensor
    positive: Tensor

    def negatives(self, values: Tensor, stand_in: float) -> Tensor:
        """Return values (B, N) with `stand_in` at the anchor's own class, itself included."""
        own = torch.zeros_like(values, dtype=torch.bool)
        own[:, self.near] = self.same
        return values.masked_fill(own, stand_in)


def blocks(y: Tensor) -> Iterator[Block]:
    """Yield all anchors of ascending labels y (N,), as many at once as make strips that fit the cache."""
    first = torch.searchsorted(y, y).tolist()
    end = torch.searchsorted(y, y, right=True).tolist()
    size = rows_at_once(len(y))
    place = torch.arange(len(y), device=y.device)
    for start in range(0, len(y), size):
        rows = slice(start, min(start + size, len(y)))
        near = slice(first[start], end[rows.stop - 1])
        same = y[rows, None] == y[near]
        yield Block(rows, near, same, same & (place[rows, None] != place[near]))


OfBlock = Callable[[Tensor, Tensor, Block], tuple[Tensor, Tensor]]
"""Anchors (B, D), all rows (N, D) and the block to a sum over the anchors and how many terms it has."""


@torch.compiler.disable  # type: ignore[untyped-decorator]
def mean_over_blocks(z: Tensor, y: Tensor, of_block: OfBlock) -> Tensor:
    """Return the sum of all blocks' sums over the sum of their counts, of rows z (N, D), labels y (N,)."""
    mean: Tensor = _Mean.apply(once(z), y, of_block)  # type: ignore[no-untyped-call]
    return mean


class _Mean(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, y: Tensor, of_block: OfBlock) -> Tensor:
        y, order = y.sort()
        rows, sloped = z[order], ctx.needs_input_grad[0]
        total, count, slope = z.new_zeros(()), z.new_zeros(()), torch.zeros_like(rows)
        for block in blocks(y):
            with torch.set_grad_enabled(sloped):
                anchors = rows[block.rows].requires_grad_(sloped)
                everyone = rows.detach().requires_grad_(sloped)
                part, terms = of_block(anchors, everyone, block)
            total += part.detach()
            count += terms
            if sloped:
                own, others = torch.autograd.grad(part, (anchors, everyone))
                slope[block.rows] += own
                slope += others
        count.clamp_min_(1)
        unsorted = torch.empty_like(slope)
        unsorted[order] = slope / count
        ctx.save_for_backward(unsorted)
        return total / count

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return gradient * ctx.saved_tensors[0], None, None
