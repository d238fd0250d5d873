"""ProxyNCA: neighbourhood components analysis against one learned proxy a class."""

import torch
from torch import Tensor

from shoal.losses.base import ClassLoss, LossError, check_setting
from shoal.losses.distance import squared_euclidean, unit
from shoal.losses.softmax import cross_entropy

VARIANTS = ("paper", "softmax")


class ProxyNCALoss(ClassLoss):
    """Movshovitz-Attias et al. (2017), ICCV: -log( e^-d(z, p_y) / sum over k != y of e^-d(z, p_k) ).

    d is the squared distance between normalised rows and normalised proxies, times `scale`.
    variant: "paper" as above: the own proxy is not in the sum, and the value can be negative. "softmax" has
    it in the sum, which makes a softmax cross-entropy: ProxyNCA++ (Teh, DeVries and Taylor 2020, ECCV; its
    temperature is 1 / scale) and pytorch-metric-learning. The authors released no code of their own.
    Proxies learn slowly: give them a higher learning rate than the network.
    """

    degree = 1

    def __init__(self, classes: int, width: int, *, scale: float = 1.0, variant: str = "paper") -> None:
        super().__init__(classes, width)
        if variant not in VARIANTS:
            raise LossError(f"ProxyNCALoss has no variant {variant!r}; there are {', '.join(VARIANTS)}.")
        check_setting("ProxyNCALoss", "scale", scale, above=0.0)
        self.scale = scale
        self.variant = variant

    def compute(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the loss of z (N, D) with labels y (N,); 0 when it was built for one class only."""
        if len(z) == 0 or len(self.weights) < 2:
            return self.nothing(z)
        scores = self.scores(z)
        if self.variant == "softmax":
            return cross_entropy(scores, y)
        own = torch.zeros_like(scores, dtype=torch.bool).scatter(1, y[:, None], True)
        rivals = scores.masked_fill(own, -torch.inf).logsumexp(dim=1)
        return (rivals - scores.gather(1, y[:, None]).squeeze(1)).mean()

    def scores(self, embeddings: Tensor) -> Tensor:
        """Return -scale * d(z, p_k) (N, K) of embeddings (N, D)."""
        proxies = unit(self.weights.to(embeddings.dtype))
        return -self.scale * squared_euclidean(unit(embeddings), proxies)
