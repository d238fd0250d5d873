"""The Davies-Bouldin index as a loss: each class against the one it is most easily confused with."""

import torch
from torch import Tensor

from shoal.losses.classes import Classes
from shoal.losses.distance import safe_sqrt
from shoal.losses.validity import ValidityLoss, centre_squares, radii

CAP = 1e6
"""The worst ratio of a pair: reached where two class means (nearly) coincide."""


class DaviesBouldinLoss(ValidityLoss):
    """DB = mean_k max over l != k of (S_k + S_l) / M_kl, Davies and Bouldin (1979); 0 is perfect.

    S_k is the mean distance of class k to its mean, M_kl the distance of two means. A ratio is capped at
    1e6, where scikit-learn instead takes a pair with equal means for a perfect one. The value ignores the
    scale of z.
    """

    def of_classes(self, z: Tensor, classes: Classes) -> Tensor:
        """Return DB of z (N, D)."""
        spread = radii(classes)
        return ratios(spread[:, None] + spread, centre_squares(classes)).amax(dim=1).mean()


def ratios(spreads: Tensor, squares: Tensor) -> Tensor:
    """Return (S_k + S_l) / M_kl (K, K) of summed spreads and squared distances; 0 on the diagonal."""
    # the diagonal's infinity must not reach the division: inf * 0 would be its gradient
    itself = squares.isinf()
    apart = safe_sqrt(squares.masked_fill(itself, 1.0))
    floor = (spreads / CAP).clamp_min(torch.finfo(spreads.dtype).tiny)
    return (spreads / torch.maximum(apart, floor)).masked_fill(itself, 0.0)
