"""Cosine-COREL: class directions that attract their own items and are orthogonal to all others."""

import torch
from torch import Tensor

from shoal.losses.attractive_repulsive import AttractiveRepulsiveLoss
from shoal.losses.base import LossError
from shoal.losses.distance import unit

VARIANTS = ("paper", "released")


class CosineCORELLoss(AttractiveRepulsiveLoss):
    """Cosine-COREL of Kenyon-Dean et al. (2018), arXiv 1812.07627.

    L_attr = -cos(h_i, w_y), L_rep = (max over k != y of cos(h_i, w_k))^2. The square pushes foreign
    classes to right angles. Rows and weights are normalised, as in the paper.

    variant: "paper" as above. "released" is what the authors' code computes: it zeroes the own class before
    the maximum, so the repulsion is 0 when every foreign cosine is negative. With fewer dimensions than
    classes "released" is the better one: obtuse angles are then wanted.

    The optimum of "paper" is an orthogonal frame, so D must be at least K; it cannot work in 2-D.
    """

    degree = 1

    def __init__(self, classes: int, width: int, *, lam: float = 0.5, variant: str = "paper") -> None:
        super().__init__(classes, width, lam=lam)
        if variant not in VARIANTS:
            raise LossError(f"CosineCORELLoss has no variant {variant!r}; there are {', '.join(VARIANTS)}.")
        self.variant = variant

    def scores(self, embeddings: Tensor) -> Tensor:
        """Return cos(h_i, w_k) (N, K) of embeddings (N, D)."""
        return unit(embeddings) @ unit(self.weights.to(embeddings.dtype)).T

    def repulsion(self, scores: Tensor, y: Tensor) -> Tensor:
        """Return (max over k != y of cos)^2 (N,); 0 when there is only one class."""
        if scores.shape[1] == 1:
            return torch.zeros_like(scores[:, 0])
        own = torch.zeros_like(scores, dtype=torch.bool).scatter(1, y[:, None], True)
        highest = scores.masked_fill(own, -torch.inf if self.variant == "paper" else 0.0).amax(dim=1)
        return highest.square()
