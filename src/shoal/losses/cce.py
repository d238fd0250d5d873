"""Categorical cross-entropy over a linear layer: the baseline that every other loss must beat."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from shoal.losses.attractive_repulsive import AttractiveRepulsiveLoss
from shoal.losses.softmax import cross_entropy, linear


class CategoricalCrossEntropyLoss(AttractiveRepulsiveLoss):
    """-log softmax(z W^T + c)_y, mean over the batch; the attractive-repulsive case lam = 1/2, doubled.

    attraction = -(z w_y + c_y), repulsion = log sum_k exp(z w_k + c_k). Doubled, because then the value is
    the cross-entropy that everyone knows. D is free of K: the embedding is z, not the logits.
    """

    degree = 1

    def __init__(self, classes: int, width: int) -> None:
        super().__init__(classes, width)
        self.bias = nn.Parameter(torch.zeros(classes))

    def compute(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the cross-entropy of z (N, D) with labels y (N,)."""
        if len(z) == 0:
            return self.nothing(z)
        # twice the framework's sum, in one pass
        return cross_entropy(linear(z, *self._layer(z)), y)

    def scores(self, embeddings: Tensor) -> Tensor:
        """Return the logits (N, K) of embeddings (N, D)."""
        return functional.linear(embeddings, *self._layer(embeddings))

    def _layer(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return self.weights.to(z.dtype), self.bias.to(z.dtype)
