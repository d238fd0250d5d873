"""Lifted structure loss: every equal pair against all the negatives of both its items at once."""

import torch
from torch import Tensor
from torch.nn.functional import relu

from shoal.losses.base import Loss, nothing
from shoal.losses.distance import pairwise
from shoal.losses.pairs import mean_over, same_class


class LiftedStructureLoss(Loss):
    """Song et al. (2016), CVPR, the smooth form.

    J_ij = log( sum_{k not of i's class} e^(margin - d_ik)
              + sum_{l not of j's class} e^(margin - d_jl) ) + d_ij,
    L = 1/(2 |P|) sum over equal pairs P of max(0, J_ij)^2. Euclidean distance, rows not normalised.
    Quadratic: the sum over negatives depends on one item only and is formed once for each.
    """

    def __init__(self, *, margin: float = 1.0) -> None:
        super().__init__()
        self.margin = margin

    def compute(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the loss of z (N, D) with labels y (N,); 0 without an equal pair or without a negative."""
        positive, negative = same_class(y)
        if not bool(positive.any()) or not bool(negative.any()):
            return nothing(z)
        distances = pairwise(z)
        push = negative_mass(distances, negative, margin=self.margin)
        lifted = torch.logaddexp(push[:, None], push) + distances
        return mean_over(relu(lifted).square(), positive) / 2.0


def negative_mass(distances: Tensor, negative: Tensor, *, margin: float) -> Tensor:
    """Return log sum over negatives of e^(margin - d) (N,) of distances (N, N), mask negative (N, N)."""
    return (margin - distances).masked_fill(~negative, -torch.inf).logsumexp(dim=1)
