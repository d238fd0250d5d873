"""Gaussian-COREL: class centres in Euclidean space. The one of the family that works directly in 2-D."""

import math

import torch
from torch import Tensor, nn

from shoal.losses.attractive_repulsive import AttractiveRepulsiveLoss, attractive_repulsive
from shoal.losses.base import LossError, check_setting
from shoal.losses.distance import squared_euclidean
from shoal.losses.prototypical import to_prototypes
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
        gamma = self.log_gamma.to(embeddings.dtype).exp()
        return -gamma * squared_euclidean(embeddings, self.weights.to(embeddings.dtype))

    def compute(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the loss of z (N, D) with labels y (N,)."""
        if self.variant == "released" and len(z):
            return self._released(self.scores(z), y)
        if self.lam == 0.5 and len(z):
            # the framework's sum, in one pass
            return cross_entropy(self._logits(z, y), y) / 2.0
        return super().compute(z, y)

    def _logits(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the scores (N, K) less what each item's have in common, which no softmax sees."""
        gamma, weights = self.log_gamma.to(z.dtype).exp(), self.weights.to(z.dtype)
        # about their middle small numbers lose fewer digits
        middle = weights.detach().mean(dim=0)
        about = weights - middle
        lengths = gamma * about.square().sum(dim=1)
        if _far_apart(lengths):
            return -gamma * to_prototypes(z, y, weights)
        return linear(z - middle, 2.0 * gamma * about, -lengths)

    def _released(self, scores: Tensor, y: Tensor) -> Tensor:
        own = self.attraction(scores, y)
        if self.lam == 0.5:
            return (own + scores.logsumexp(dim=1)).mean() / scores.shape[1]
        floored = (scores.exp().sum(dim=1) + FLOOR).log()
        return attractive_repulsive(self.lam * own, (1.0 - self.lam) * floored, lam=self.lam)


def _far_apart(lengths: Tensor) -> bool:
    """Return whether scores of gamma ||w_k||^2 (K,) might be off by more than `EXACT` by their rounding.

    Then rows are seen from their own centre, which takes longer. Always while compiling, which cannot look.
    """
    if torch.compiler.is_compiling():
        return True
    return not float(lengths.detach().amax()) * torch.finfo(lengths.dtype).eps < EXACT
