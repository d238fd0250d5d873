"""Proxy-Anchor: each class's proxy draws the batch's own items and pushes the others, hardest most."""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from shoal.losses.base import ClassLoss, check_setting, one_hot
from shoal.losses.distance import unit


class ProxyAnchorLoss(ClassLoss):
    """Kim et al. (2020), CVPR, over cosines s to the proxies P.

    1/|P+| sum over p in P+ of log(1 + sum over its items e^(-alpha (s - delta)))
    + 1/|P| sum over P of log(1 + sum over the other items e^(alpha (s + delta))),
    P+ the proxies with an item in the batch. Rows and proxies are normalised, as in the paper, whose code
    gives the proxies a hundred times the network's learning rate.
    """

    degree = 1

    def __init__(self, classes: int, width: int, *, alpha: float = 32.0, delta: float = 0.1) -> None:
        super().__init__(classes, width)
        check_setting("ProxyAnchorLoss", "alpha", alpha, above=0.0)
        check_setting("ProxyAnchorLoss", "delta", delta, at_least=0.0)
        self.alpha = alpha
        self.delta = delta

    def compute(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the loss of z (N, D) with labels y (N,)."""
        if len(z) == 0:
            return self.nothing(z)
        cosines = self.scores(z)
        own = one_hot(y, len(self.weights), z).bool()
        pull = soft_count(-self.alpha * (cosines - self.delta), own)
        push = soft_count(self.alpha * (cosines + self.delta), ~own)
        return pull.sum() / own.any(dim=0).sum() + push.mean()

    def scores(self, embeddings: Tensor) -> Tensor:
        """Return cos(z, p_k) (N, K) of embeddings (N, D)."""
        return unit(embeddings) @ unit(self.weights.to(embeddings.dtype)).T


def soft_count(exponents: Tensor, kept: Tensor) -> Tensor:
    """Return log(1 + sum over kept rows e^exponent) (K,) of exponents (N, K); 0 where no row is kept."""
    # a finite stand-in for -inf: the logsumexp of a column without rows has no gradient to speak of
    lowest = torch.finfo(exponents.dtype).min / 2.0
    return softplus(exponents.masked_fill(~kept, lowest).logsumexp(dim=0))
