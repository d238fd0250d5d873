"""Relation loss: a small network learns what "same class" means for a prototype and a query."""

from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, mse_loss, one_hot

from shoal.losses.base import Loss, LossError, check_setting, dense
from shoal.losses.episodes import prototypes, split, without_itself


class RelationLoss(Loss):
    """Sung et al. (2018), CVPR: (r - 1[same class])^2, r = sigmoid(network(concat(prototype, query))), mean.

    The paper concatenates feature maps and uses two convolutions; on vectors the network is
    2D -> hidden -> 1 with a ReLU. Prototypes are class means (the paper sums the support; its scale then
    depends on the shots). The network's parameters go to the optimiser too.
    shots: as in `PrototypicalLoss`; None leaves one out.
    Memory is N K (2D + hidden): every query meets every class.
    """

    degree = 1

    def __init__(self, width: int, *, hidden: int = 64, shots: int | None = None) -> None:
        super().__init__()
        for name, value in (("width", width), ("hidden", hidden), ("shots", 1 if shots is None else shots)):
            check_setting("RelationLoss", name, value, at_least=1, whole=True)
        self.width, self.hidden = width, hidden
        self.shots = shots
        self.first = nn.Linear(2 * width, hidden)
        self.last = nn.Linear(hidden, 1)

    @classmethod
    def build(cls, classes: int, width: int) -> Self:
        """Return this loss with its default settings for embeddings of width D."""
        return cls(width)

    def compute(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the loss of z (N, D) with labels y (N,); 0 with one class, or without a query."""
        present, places = dense(y)
        if len(present) < 2:
            return self.nothing(z)
        offered, query = self._offer(z, y, places, len(present))
        if not bool(query.any()):
            return self.nothing(z)
        wanted = one_hot(places[query], len(present))
        relations = self.relations(z[query], offered[query])
        return mse_loss(relations, wanted.to(relations.dtype))

    def relations(self, queries: Tensor, offered: Tensor) -> Tensor:
        """Return r (Q, K) of queries (Q, D) to the prototypes each one is offered (Q, K, D)."""
        asked = queries[:, None].expand_as(offered)
        pairs = torch.cat([offered, asked], dim=2)
        hidden = _layer(self.first, pairs).relu()
        return torch.sigmoid(_layer(self.last, hidden)).squeeze(2)

    def _offer(self, z: Tensor, y: Tensor, places: Tensor, classes: int) -> tuple[Tensor, Tensor]:
        """Return the prototypes (N, K, D) each item meets, and which items are queries (N,) bool."""
        if self.shots is not None:
            support, query = split(y, self.shots)
            means = prototypes(z[support], places[support], classes)
            return means.expand(len(z), -1, -1), query
        means = prototypes(z, places, classes).expand(len(z), -1, -1)
        own, company = without_itself(z, places, classes)
        at = places[:, None, None].expand(-1, 1, z.shape[1])
        return means.scatter(1, at, own[:, None]), company

    def _check_shapes(self, embeddings: Tensor, labels: Tensor) -> None:
        super()._check_shapes(embeddings, labels)
        if embeddings.shape[1] != self.width:
            raise LossError(
                f"RelationLoss was built for width {self.width} and got width {embeddings.shape[1]}."
            )


def _layer(layer: nn.Linear, x: Tensor) -> Tensor:
    """Apply a layer in the precision of x."""
    return linear(x, layer.weight.to(x.dtype), layer.bias.to(x.dtype))
