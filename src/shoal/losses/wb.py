"""The WB index as a loss: K times the variance within classes over the variance between them."""

from torch import Tensor

from shoal.losses.classes import Classes
from shoal.losses.validity import ValidityLoss, between, share, within


class WBLoss(ValidityLoss):
    """WB / (1 + WB), WB = K SSW / SSB, Zhao, Xu and Franti (2009), ICANNGA.

    WB is unbounded where class means coincide; WB / (1 + WB) orders batches the same way and lies in [0, 1].
    The value ignores the scale of z.
    """

    def of_classes(self, z: Tensor, classes: Classes) -> Tensor:
        """Return WB / (1 + WB) of z (N, D)."""
        return share(len(classes.counts) * within(classes), between(classes))
