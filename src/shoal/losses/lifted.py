"""Lifted structure loss: every equal pair against all the negatives of both its items at once."""

import torch
from torch import Tensor
from torch.nn.functional import relu
from torch.utils.checkpoint import checkpoint

from shoal.losses.base import Loss, check_setting, nothing
from shoal.losses.blocks import Block, blocks
from shoal.losses.distance import centred, euclidean
from shoal.losses.once import once
from shoal.losses.pairs import has_pairs


class LiftedStructureLoss(Loss):
    """Song et al. (2016), CVPR, the smooth form.

    J_ij = log( sum_{k not of i's class} e^(margin - d_ik)
              + sum_{l not of j's class} e^(margin - d_jl) ) + d_ij,
    L = 1/(2 |P|) sum over equal pairs P of max(0, J_ij)^2. Euclidean distance, rows not normalised.
    The sum over negatives depends on one item only and is formed once for each. O(N^2) time in O(N P)
    memory, P items a class.
    """

    def __init__(self, *, margin: float = 1.0) -> None:
        super().__init__()
        check_setting("LiftedStructureLoss", "margin", margin)
        self.margin = margin

    def compute(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the loss of z (N, D) with labels y (N,); 0 without an equal pair or without a negative."""
        if not has_pairs(y):
            return nothing(z)
        loss: Tensor = self._of_pairs(once(centred(z)), y)
        return loss

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def _of_pairs(self, z: Tensor, y: Tensor) -> Tensor:
        y, order = y.sort()
        z = z[order]
        parts = list(blocks(y))
        push = torch.cat([self._push_once_more(z, block, keep=len(parts) == 1) for block in parts])
        total, pairs = nothing(z), y.new_zeros(())
        for block in parts:
            near = euclidean(z[block.rows], z[block.near], itself=block.rows.start - block.near.start)
            lifted = torch.logaddexp(push[block.rows, None], push[block.near]) + near
            total = total + (relu(lifted).square() * block.positive).sum()
            pairs = pairs + block.positive.sum()
        return total / pairs / 2.0

    def _push_once_more(self, z: Tensor, block: Block, *, keep: bool) -> Tensor:
        """Return `negative_mass`; unless told to `keep` its distances, backward forms them once more."""
        if keep:
            return negative_mass(z, block, self.margin)
        push: Tensor = checkpoint(negative_mass, z, block, self.margin, use_reentrant=False)
        return push


def negative_mass(z: Tensor, block: Block, margin: float) -> Tensor:
    """Return log sum over negatives of e^(margin - d) (B,) of the block's anchors among z (N, D)."""
    return block.negatives(
        margin - euclidean(z[block.rows], z, itself=block.rows.start), -torch.inf
    ).logsumexp(dim=1)
