"""Supervised contrastive loss: all positives of an anchor share one softmax with all negatives."""

import torch
from torch import Tensor

from shoal.losses.base import Loss, check_setting, nothing
from shoal.losses.distance import unit
from shoal.losses.pairs import has_pairs
from shoal.losses.scores import Anchors, mean_over_scores, shares_


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
        if not has_pairs(y):
            return nothing(z)
        loss: Tensor = mean_over_scores(unit(z), y, among_others, scale=1.0 / self.temperature)
        return loss


def among_others(scores: Tensor, some: Anchors) -> tuple[Tensor, Tensor, Tensor]:
    """Return the sum of log sum e^s - (mean s of the positives) over the anchors with any, the number, slope.

    scores s (B, N): of the anchors to all items; overwritten by the slope (B, N).
    """
    pairs = scores.view(-1)[some.positives]
    scores.diagonal(offset=some.rows.start).fill_(-torch.inf)
    whole, powers, sums = shares_(scores)
    kept = (some.counts > 0).to(scores.dtype)
    share = some.counts.clamp_min(1).to(scores.dtype).reciprocal_()[some.of]
    slope = powers.mul_((kept / sums)[:, None])
    slope.view(-1).index_add_(0, some.positives, share, alpha=-1.0)
    return whole @ kept - pairs @ share, kept.sum(), slope
