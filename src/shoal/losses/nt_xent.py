"""NT-Xent with labels: each equal pair against the anchor's negatives, by cosine over a temperature."""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from shoal.losses.base import Loss, check_setting, nothing
from shoal.losses.blocks import Block, mean_over_blocks
from shoal.losses.distance import unit
from shoal.losses.pairs import has_pairs


class NTXentLoss(Loss):
    """Chen et al. (2020), SimCLR: -log( e^(s_ip/t) / (e^(s_ip/t) + sum over negatives e^(s_in/t)) ), s = cos.

    Mean over all ordered equal pairs (i, p). Other positives of i stay out of the denominator (as in
    pytorch-metric-learning); with two views an image, each image its own class, this is SimCLR's loss.
    Rows are normalised, as in the paper: an embedding in 2-D is trained on a circle.
    """

    degree = 1

    def __init__(self, *, temperature: float = 0.07) -> None:
        super().__init__()
        check_setting("NTXentLoss", "temperature", temperature, above=0.0)
        self.temperature = temperature

    def compute(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the loss of z (N, D) with labels y (N,); 0 without an equal pair or without a negative."""
        return mean_over_blocks(unit(z), y, self._of_anchors) if has_pairs(y) else nothing(z)

    def _of_anchors(self, anchors: Tensor, rows: Tensor, block: Block) -> tuple[Tensor, Tensor]:
        return against_negatives((anchors / self.temperature) @ rows.T, block)


def against_negatives(scores: Tensor, block: Block) -> tuple[Tensor, Tensor]:
    """Return the sum of log(1 + sum over negatives of e^(s_in - s_ip)) over equal pairs, and their number.

    scores s (B, N): of the block's anchors to all items.
    """
    push = block.negatives(scores, -torch.inf).logsumexp(dim=1, keepdim=True)
    return (softplus(push - scores[:, block.near]) * block.positive).sum(), block.positive.sum()
