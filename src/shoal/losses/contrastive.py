"""Contrastive loss: equal pairs together, other pairs at least a margin apart."""

from torch import Tensor
from torch.nn.functional import relu

from shoal.losses.base import Loss, LossError
from shoal.losses.distance import pairwise
from shoal.losses.pairs import mean_over, mean_over_nonzero, same_class

FORMS = ("hadsell", "hinge")


class ContrastiveLoss(Loss):
    """All pairs of the batch, Euclidean distance d, rows not normalised.

    form "hadsell": 1/2 d^2 for a pair of one class, 1/2 max(0, margin - d)^2 for another pair (Hadsell,
    Chopra and LeCun 2006, CVPR). Each kind is averaged over its own pairs and the two means are added;
    the paper sums, but in a batch other pairs outnumber equal ones by K to 1.
    form "hinge": max(0, d - positive_margin) and max(0, margin - d), unsquared, each averaged over its pairs
    above 0; this is pytorch-metric-learning's ContrastiveLoss without its normalisation.
    """

    def __init__(self, *, margin: float = 1.0, positive_margin: float = 0.0, form: str = "hadsell") -> None:
        super().__init__()
        if form not in FORMS:
            raise LossError(f"ContrastiveLoss has no form {form!r}; there are {', '.join(FORMS)}.")
        if margin <= 0.0 or positive_margin < 0.0:
            raise LossError(
                f"ContrastiveLoss got margin={margin}, positive_margin={positive_margin}; "
                "margin > 0 and positive_margin >= 0."
            )
        if form == "hadsell" and positive_margin:
            raise LossError("ContrastiveLoss takes a positive_margin only with form='hinge'.")
        self.margin = margin
        self.positive_margin = positive_margin
        self.form = form

    def compute(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the loss of z (N, D) with labels y (N,)."""
        distances = pairwise(z)
        positive, negative = same_class(y)
        together = relu(distances - self.positive_margin)
        apart = relu(self.margin - distances)
        if self.form == "hinge":
            return mean_over_nonzero(together, positive) + mean_over_nonzero(apart, negative)
        return (mean_over(together.square(), positive) + mean_over(apart.square(), negative)) / 2.0
