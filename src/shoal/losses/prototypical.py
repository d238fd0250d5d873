"""Prototypical loss: every query nearest to the mean of its own class's support."""

import torch
from torch import Tensor

from shoal.losses.base import Loss, check_setting, dense, nothing
from shoal.losses.distance import centred, squared_euclidean, wide
from shoal.losses.episodes import prototypes, split, without_itself
from shoal.losses.softmax import cross_entropy, linear, rows_of


class PrototypicalLoss(Loss):
    """Snell et al. (2017), NeurIPS: -log softmax_k(-||z_q - c_k||^2)_y, c_k the mean of class k's support.

    shots: the first `shots` items of each class in the batch are its support and the others are the queries
    (the paper's episodes; `shoal.samplers.Episodes` draws such batches). None (the default) leaves one
    out: every item is a query once, and the mean of its own class then lacks it; nothing depends on the
    order. Rows are not normalised.
    """

    def __init__(self, *, shots: int | None = None) -> None:
        super().__init__()
        if shots is not None:
            check_setting("PrototypicalLoss", "shots", shots, at_least=1, whole=True)
        self.shots = shots

    def compute(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the loss of z (N, D) with labels y (N,); 0 with one class, or without a query."""
        present, places = dense(y)
        if len(present) < 2:
            return nothing(z)
        z = centred(z)
        if self.shots is None:
            return leave_one_out(z, places, len(present))
        support, query = split(y, self.shots)
        if not bool(query.any()):
            return nothing(z)
        means = prototypes(z[support], places[support], len(present))
        return prototypical(z[query], places[query], means)


def prototypical(queries: Tensor, places: Tensor, means: Tensor) -> Tensor:
    """Return the mean loss of queries (Q, D) of classes places (Q,) against prototypes (K, D)."""
    return cross_entropy(-to_prototypes(queries, places, means), places)


def leave_one_out(z: Tensor, places: Tensor, classes: int) -> Tensor:
    """Return the mean loss of every item (N, D) that has company, its own prototype formed without it."""
    own, company = without_itself(z, places, classes)
    if not bool(company.any()):
        return nothing(z)
    scores = -to_prototypes(z, places, prototypes(z, places, classes))
    scores = scores.scatter(1, places[:, None], -(z - own).square().sum(dim=1, keepdim=True))
    return cross_entropy(scores[company], places[company])


def to_prototypes(z: Tensor, places: Tensor, means: Tensor) -> Tensor:
    """Return ||z_i - c_k||^2 (N, K) of rows z (N, D) of classes places (N,) and prototypes c (K, D).

    Seen from the row's own prototype, ||r||^2 + ||c_y - c_k||^2 + 2 r.(c_y - c_k) with r = z - c_y: squares
    of large numbers never cancel, and a class keeps its digits however far from the others it lies.
    """
    rest = z - means.index_select(0, places)
    along = linear(rest, means)
    along = along - along.gather(1, places[:, None])
    exact = wide(means)
    apart = rows_of(squared_euclidean(exact, exact).to(z.dtype), places)
    return torch.add(apart, along, alpha=-2.0) + rest.square().sum(dim=1, keepdim=True)
