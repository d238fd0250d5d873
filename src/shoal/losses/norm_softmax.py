"""NormSoftmax: cross-entropy over cosines to one direction a class."""

from torch import Tensor

from shoal.losses.base import ClassLoss, check_setting
from shoal.losses.distance import unit
from shoal.losses.softmax import cross_entropy, linear


class NormSoftmaxLoss(ClassLoss):
    """Zhai and Wu (2019), BMVC: -log softmax_k( cos(z, w_k) / temperature )_y, no bias, mean over the batch.

    Rows and weights are normalised, as in the paper (its layer norm before them belongs to the head).
    """

    degree = 1

    def __init__(self, classes: int, width: int, *, temperature: float = 0.05) -> None:
        super().__init__(classes, width)
        check_setting("NormSoftmaxLoss", "temperature", temperature, above=0.0)
        self.temperature = temperature

    def compute(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the loss of z (N, D) with labels y (N,)."""
        return cross_entropy(linear(unit(z), self._directions(z)), y) if len(z) else self.nothing(z)

    def scores(self, embeddings: Tensor) -> Tensor:
        """Return cos(z, w_k) / temperature (N, K) of embeddings (N, D)."""
        return unit(embeddings) @ self._directions(embeddings).T

    def _directions(self, z: Tensor) -> Tensor:
        return unit(self.weights.to(z.dtype)) / self.temperature
