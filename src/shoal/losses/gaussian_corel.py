"""Gaussian-COREL: class centres in Euclidean space. The one of the family that works directly in 2-D."""

import math

import torch
from torch import Tensor, nn

from shoal.losses.attractive_repulsive import AttractiveRepulsiveLoss, attractive_repulsive
from shoal.losses.base import LossError, check_setting
from shoal.losses.distance import centred, squared_euclidean, wide
from shoal.losses.softmax import cross_entropy, linear

VARIANTS = ("paper", "released")
FLOOR = 1e-10
"""What the released code adds inside the logarithm."""
EXACT = 1e-3
"""By how much a score, an exponent of e, may be off."""


class GaussianCORELLoss(AttractiveRepulsiveLoss):
    """Gaussian-COREL of Kenyon-Dean et al. (2018), arXiv 1812.07627.

    L_attr = gamma ||h_i - w_y||^2, L_rep = log sum_k exp(-gamma ||h_i - w_k||^2), k = y included. At
    lam = 1/2 it is half the softmax cross-entropy over -gamma d^2. gamma starts at 1/2 and is learned, as its
    logarithm so that it stays positive (the released code learns it unguarded); `learn_gamma=False` fixes it.

    variant: "paper" as above. "released" is what the authors' code computes: at lam = 1/2 the cross-entropy
    divided by K; elsewhere lam and 1 - lam enter squared, and 1e-10 is added inside the logarithm, which
    ends the repulsion's gradient once every gamma d^2 exceeds 23.

    Below lam = 1/2 "paper" has no lower bound: items fly away from all centres. Stay at 1/2 or above.
    """

    def __init__(
        self,
        classes: int,
        width: int,
        *,
        lam: float = 0.5,
        gamma: float = 0.5,
        learn_gamma: bool = True,
        variant: str = "paper",
    ) -> None:
        super().__init__(classes, width, lam=lam)
        if variant not in VARIANTS:
            raise LossError(f"GaussianCORELLoss has no variant {variant!r}; there are {', '.join(VARIANTS)}.")
        check_setting("GaussianCORELLoss", "gamma", gamma, above=0.0)
        self.variant = variant
        self.learn_gamma = learn_gamma
        self.log_gamma = nn.Parameter(torch.tensor(math.log(gamma)), requires_grad=learn_gamma)

    @property
    def gamma(self) -> float:
        """The present gamma."""
        return float(self.log_gamma.detach().exp())

    def scores(self, embeddings: Tensor) -> Tensor:
        """Return -gamma ||h_i - w_k||^2 (N, K) of embeddings (N, D)."""
        gamma, weights = self._of(embeddings)
        if _far_apart(gamma * centred(weights).square().sum(dim=1)):
            return self.scores(wide(embeddings)).to(embeddings.dtype)
        return -gamma * squared_euclidean(embeddings, weights)

    def compute(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the loss of z (N, D) with labels y (N,)."""
        if self.variant == "released" and len(z):
            return self._released(z, y)
        if self.lam == 0.5 and len(z):
            # the framework's sum, in one pass
            return self._cross_entropy(z, y) / 2.0
        return super().compute(z, y)

    def _cross_entropy(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the softmax cross-entropy over the scores, less what those of an item have in common."""
        gamma, weights = self._of(z)
        # about their middle small numbers lose fewer digits
        middle = weights.detach().mean(dim=0)
        about = weights - middle
        lengths = gamma * about.square().sum(dim=1)
        if _far_apart(lengths):
            return self._cross_entropy(wide(z), y).to(z.dtype)
        return cross_entropy(linear(z - middle, 2.0 * gamma * about, -lengths), y)

    def _of(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return gamma and the centres (K, D) in the dtype of z."""
        return self.log_gamma.to(z.dtype).exp(), self.weights.to(z.dtype)

    def _released(self, z: Tensor, y: Tensor) -> Tensor:
        if self.lam == 0.5:
            return self._cross_entropy(z, y) / len(self.weights)
        scores = self.scores(z)
        floored = (scores.exp().sum(dim=1) + FLOOR).log()
        own = self.lam * self.attraction(scores, y)
        return attractive_repulsive(own, (1.0 - self.lam) * floored, lam=self.lam)


def _far_apart(lengths: Tensor) -> bool:
    """Return whether scores of gamma ||w_k||^2 (K,) might be off by more than `EXACT` by their rounding.

    Then they are formed in float64, which takes longer. Never while compiling, which cannot look.
    """
    if torch.compiler.is_compiling() or lengths.dtype == torch.float64 or lengths.device.type == "mps":
        return False
    return not float(lengths.detach().amax()) * torch.finfo(lengths.dtype).eps < EXACT
