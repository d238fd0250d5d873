"""Generalised Dunn indices as a loss: the widest class against the closest pair of classes, softly."""

import torch
from torch import Tensor

from shoal.losses.base import LossError, check_setting, one_hot
from shoal.losses.classes import Classes
from shoal.losses.distance import class_sums, safe_sqrt
from shoal.losses.validity import ValidityLoss, centre_squares, radii, share

SEPARATIONS = ("centroid", "mean")


class GeneralisedDunnLoss(ValidityLoss):
    """1 / (1 + gD), gD = min over k != l of delta(k, l) / max over k of Delta(k), Bezdek and Pal (1998).

    Delta_3(k) is twice the mean distance of class k to its mean. separation: "centroid" is delta_4, the
    distance of two means (gD43, O(NK)); "mean" is delta_3, the mean distance of items of both classes
    (gD33, O(N^2) time, linear memory). 1 / (1 + gD) orders batches the same way and lies in [0, 1].

    softness: 0 takes the hard extremes, where one pair and one class get all the gradient. Above 0 they are
    means under softmax(-+ x / (softness * mean x)). The value ignores the scale of z.
    """

    def __init__(self, *, separation: str = "centroid", softness: float = 0.1) -> None:
        super().__init__()
        if separation not in SEPARATIONS:
            raise LossError(
                f"GeneralisedDunnLoss has no separation {separation!r}; there are {', '.join(SEPARATIONS)}."
            )
        check_setting("GeneralisedDunnLoss", "softness", softness, at_least=0.0)
        self.separation = separation
        self.softness = softness

    def of_classes(self, z: Tensor, classes: Classes) -> Tensor:
        """Return 1 / (1 + gD) of z (N, D)."""
        k = len(classes.counts)
        above = torch.triu_indices(k, k, offset=1, device=z.device)
        apart = self._separations(z, classes)[above[0], above[1]]
        widest = extreme(2.0 * radii(classes), softness=self.softness, sign=1.0)
        return share(widest, extreme(apart, softness=self.softness, sign=-1.0))

    def _separations(self, z: Tensor, classes: Classes) -> Tensor:
        """Return delta (K, K), whose diagonal means nothing."""
        if self.separation == "centroid":
            squares = centre_squares(classes)
            return safe_sqrt(squares.masked_fill(squares.isinf(), 0.0))
        members = one_hot(classes.places, len(classes.counts), z)
        return (members.T @ class_sums(z, members)) / torch.outer(classes.counts, classes.counts)


def extreme(x: Tensor, *, softness: float, sign: float) -> Tensor:
    """Return the hard (softness 0) or soft maximum (sign 1) or minimum (sign -1) of x (M,) >= 0."""
    if softness == 0.0:
        return sign * (sign * x).amax()
    heat = softness * x.mean().clamp_min(torch.finfo(x.dtype).tiny / softness)
    return (torch.softmax(sign * x / heat, dim=0) * x).sum()
