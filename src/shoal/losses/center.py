"""Center loss: cross-entropy, and every item drawn to the running centre of its class."""

import torch
from torch import Tensor

from shoal.losses.base import check_setting
from shoal.losses.cce import CategoricalCrossEntropyLoss


class CenterLoss(CategoricalCrossEntropyLoss):
    """L = cross-entropy + lam / 2 ||h_i - c_y||^2, Wen et al. (2016), ECCV.

    lam is the paper's lambda: there both terms are sums over the batch, here both are means, so that their
    ratio is the same. In the COREL paper's grid the best lay between 0.1 and 0.75.

    The centres are no parameters: after each training batch c_k moves by
    alpha * sum_{y_i = k} (h_i - c_k) / (1 + n_k), n_k items of the class in the batch. They start at 0.
    """

    degree = 2

    centres: Tensor

    def __init__(self, classes: int, width: int, *, lam: float = 0.1, alpha: float = 0.5) -> None:
        super().__init__(classes, width)
        check_setting("CenterLoss", "lam", lam, at_least=0.0)
        check_setting("CenterLoss", "alpha", alpha, at_least=0.0, at_most=1.0)
        self.lam = lam
        self.alpha = alpha
        self.register_buffer("centres", torch.zeros(classes, width))

    def compute(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the loss of z (N, D) with labels y (N,); in training mode move the centres afterwards."""
        if len(z) == 0:
            return self.nothing(z)
        away = z - self.centres.to(z.dtype).index_select(0, y)
        if self.training:
            self._move(away.detach(), y)
        return super().compute(z, y) + self.lam * to_centre(away)

    @torch.no_grad()
    def _move(self, away: Tensor, y: Tensor) -> None:
        centres = self.centres
        sums = torch.zeros_like(centres, dtype=away.dtype).index_add_(0, y, away)
        counts = torch.bincount(y, minlength=len(centres))
        centres += (sums * (self.alpha / (1 + counts))[:, None]).to(centres.dtype)


def to_centre(away: Tensor) -> Tensor:
    """Return mean_i 1/2 ||h_i - c_y||^2 of the differences (N, D)."""
    return away.square().sum() / (2.0 * len(away))
