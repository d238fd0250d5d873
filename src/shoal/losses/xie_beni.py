"""The Xie-Beni index as a loss: mean squared spread over the least squared distance of two class means."""

from torch import Tensor

from shoal.losses.classes import Classes
from shoal.losses.validity import ValidityLoss, centre_squares, share, within


class XieBeniLoss(ValidityLoss):
    """XB / (1 + XB), XB = SSW / (N min over k != l of ||mean_k - mean_l||^2), Xie and Beni (1991), hard.

    XB is unbounded where two class means coincide; XB / (1 + XB) orders batches the same way and lies in
    [0, 1]. Only the nearest two classes are pushed apart at each step. The value ignores the scale of z.
    """

    def of_classes(self, z: Tensor, classes: Classes) -> Tensor:
        """Return XB / (1 + XB) of z (N, D)."""
        return share(within(classes), len(z) * centre_squares(classes).amin())
