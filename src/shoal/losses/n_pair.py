"""N-pair loss: one positive against one negative from every other class at once, by dot products."""

import torch
from torch import Tensor

from shoal.losses.base import Loss, LossError, dense, nothing
from shoal.losses.nt_xent import against_negatives
from shoal.losses.pairs import has_pairs
from shoal.losses.scores import mean_over_scores

PAIRS = ("all", "first")


class NPairLoss(Loss):
    """Sohn (2016), NeurIPS: log(1 + sum over negatives of exp(f . f_n - f . f_p)), averaged.

    pairs: "first" is the paper's multi-class N-pair loss: the first two items of each class are anchor and
    positive, and an anchor's negatives are the positives of the other classes; the value depends on the order
    within the batch. "all" (the default) is the mean over every ordered equal pair of the batch, with every
    item of another class as a negative, and does not.

    Dot products are not bounded: hold the norms by weight decay or, as the paper, a penalty on ||f||^2.
    """

    def __init__(self, *, pairs: str = "all") -> None:
        super().__init__()
        if pairs not in PAIRS:
            raise LossError(f"NPairLoss has no pairs {pairs!r}; there are {', '.join(PAIRS)}.")
        self.pairs = pairs

    def compute(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the loss of z (N, D) with labels y (N,); 0 without an equal pair or without a negative."""
        if self.pairs == "first":
            anchors, positives = first_pairs(y)
            return n_pair(z[anchors], z[positives]) if len(anchors) > 1 else nothing(z)
        return mean_over_scores(z, y, against_negatives) if has_pairs(y) else nothing(z)


def n_pair(anchors: Tensor, positives: Tensor) -> Tensor:
    """Return the multi-class N-pair loss of anchors (C, D) and positives (C, D), row k of class k."""
    products = anchors @ positives.T
    return (products.logsumexp(dim=1) - products.diagonal()).mean()


def first_pairs(y: Tensor) -> tuple[Tensor, Tensor]:
    """Return the numbers of the first and the second item of every class that has two, (C,) each."""
    present, places = dense(y)
    order = places.argsort(stable=True)
    counts = torch.bincount(places, minlength=len(present))
    starts = (counts.cumsum(0) - counts)[counts > 1]
    return order[starts], order[starts + 1]
