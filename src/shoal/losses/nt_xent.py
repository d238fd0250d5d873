"""NT-Xent with labels: each equal pair against the anchor's negatives, by cosine over a temperature."""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from shoal.losses.base import Loss, check_setting, nothing
from shoal.losses.distance import unit
from shoal.losses.pairs import has_pairs
from shoal.losses.scores import Anchors, mean_over_scores, shares_


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
        if not has_pairs(y):
            return nothing(z)
        loss: Tensor = mean_over_scores(unit(z), y, against_negatives, scale=1.0 / self.temperature)
        return loss


def against_negatives(scores: Tensor, some: Anchors) -> tuple[Tensor, Tensor, Tensor]:
    """Return the sum of log(1 + sum over negatives of e^(s_in - s_ip)) over equal pairs, their number, slope.

    scores s (B, N): of the anchors to all items; overwritten by the slope (B, N).
    """
    pairs = scores.view(-1)[some.positives]
    scores.view(-1).index_fill_(0, some.positives, -torch.inf)
    scores.diagonal(offset=some.rows.start).fill_(-torch.inf)
    push, powers, sums = shares_(scores)
    gaps = push[some.of] - pairs
    rises = torch.sigmoid(gaps)
    by_push = torch.zeros_like(push).index_add_(0, some.of, rises)
    slope = powers.mul_((by_push / sums)[:, None])
    slope.view(-1).index_copy_(0, some.positives, -rises)
    return softplus(gaps).sum(), some.counts.sum(), slope
