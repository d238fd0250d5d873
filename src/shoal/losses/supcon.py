"""Supervised contrastive loss: all positives of an anchor share one softmax with all negatives."""

import torch
from torch import Tensor

from shoal.losses.base import Loss, check_setting, nothing
from shoal.losses.blocks import Block, mean_over_blocks
from shoal.losses.distance import unit
from shoal.losses.pairs import has_pairs


class SupConLoss(Loss):
    """Khosla et al. (2020), NeurIPS, L_out.

    -1/|P(i)| sum over p in P(i) of log( e^(s_ip/t) / sum_{a != i} e^(s_ia/t) ), s the cosine. Mean over
    the anchors that have a positive (others are left out, not counted as 0). Rows are normalised, as in the
    paper: an embedding in 2-D is trained on a circle. With a single class the loss would only spread the
    items evenly; it is 0 then, as every loss that needs a rival.
    """

    degree = 1

    def __init__(self, *, temperature: float = 0.1) -> None:
        super().__init__()
        check_setting("SupConLoss", "temperature", temperature, above=0.0)
        self.temperature = temperature

    def compute(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the loss of z (N, D) with labels y (N,); 0 without an equal pair or without a negative."""
        return mean_over_blocks(unit(z), y, self._of_anchors) if has_pairs(y) else nothing(z)

    def _of_anchors(self, anchors: Tensor, rows: Tensor, block: Block) -> tuple[Tensor, Tensor]:
        """Return the sum over the anchors (B, D) that have a positive among rows (N, D), and their number."""
        cosines = (anchors / self.temperature) @ rows.T
        whole = block.others(cosines, -torch.inf).logsumexp(dim=1)
        counts = block.positive.sum(dim=1)
        pull = (cosines[:, block.near] * block.positive).sum(dim=1) / counts.clamp_min(1)
        kept = counts > 0
        return ((whole - pull) * kept).sum(), kept.sum()
