"""The Calinski-Harabasz index as a loss: variance within classes against variance between them."""

from torch import Tensor

from shoal.losses.classes import Classes
from shoal.losses.validity import ValidityLoss, between, share, within


class CalinskiHarabaszLoss(ValidityLoss):
    """1 / (1 + CH), CH = (SSB / (K - 1)) / (SSW / (N - K)), Calinski and Harabasz (1974).

    CH itself has no upper bound; 1 / (1 + CH) orders batches the same way, lies in [0, 1], and has a finite
    gradient. 0 when every item is alone in its class (N = K). The value ignores the scale of z.
    """

    def of_classes(self, z: Tensor, classes: Classes) -> Tensor:
        """Return 1 / (1 + CH) of z (N, D)."""
        n, k = len(z), len(classes.counts)
        return share(within(classes) / max(n - k, 1), between(classes) / (k - 1))
