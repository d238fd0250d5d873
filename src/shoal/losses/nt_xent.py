"""NT-Xent with labels: each equal pair against the anchor's negatives, by cosine over a temperature."""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from shoal.losses.base import Loss, LossError, nothing
from shoal.losses.distance import unit
from shoal.losses.pairs import mean_over, same_class


class NTXentLoss(Loss):
    """Chen et al. (2020), SimCLR: -log( e^(s_ip/t) / (e^(s_ip/t) + sum over negatives e^(s_in/t)) ), s = cos.

    Mean over all ordered equal pairs (i, p). Other positives of i stay out of the denominator (as in
    pytorch-metric-learning); with two views an image, each image its own class, this is SimCLR's loss.
    Rows are normalised, as in the paper: an embedding in 2-D is trained on a circle.
    """

    def __init__(self, *, temperature: float = 0.07) -> None:
        super().__init__()
        if temperature <= 0.0:
            raise LossError(f"NTXentLoss got temperature={temperature}; it must be above 0.")
        self.temperature = temperature

    def compute(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the loss of z (N, D) with labels y (N,); 0 without an equal pair or without a negative."""
        positive, negative = same_class(y)
        if not bool(positive.any()) or not bool(negative.any()):
            return nothing(z)
        rows = unit(z)
        cosines = rows @ rows.T / self.temperature
        push = cosines.masked_fill(~negative, -torch.inf).logsumexp(dim=1, keepdim=True)
        return mean_over(softplus(push - cosines), positive)
