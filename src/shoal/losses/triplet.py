"""Triplet loss: nearer to an item of the own class than to one of another, by a margin."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.functional import relu
from torch.utils.checkpoint import checkpoint

from shoal.losses.base import Loss, LossError, check_setting, ends, nothing
from shoal.losses.blocks import Block, mean_over_blocks
from shoal.losses.distance import centred, euclidean, pairwise
from shoal.losses.pairs import same_class

NUMBERS = (torch.int32, torch.int64)
"""What numbers items: torch takes bytes for a mask."""
Miner = Callable[[Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]
"""Distances (N, N) and labels (N,) to the numbers of anchors, positives and negatives, each (T,)."""


def hinge(ap: Tensor, an: Tensor, pn: Tensor, margin: float) -> Tensor:
    """Return max(0, d_ap - d_an + margin) (T,)."""
    return relu(ap - an + margin)


def squared(ap: Tensor, an: Tensor, pn: Tensor, margin: float) -> Tensor:
    """Return max(0, d_ap^2 - d_an^2 + margin) (T,): FaceNet, Schroff et al. (2015), CVPR."""
    return relu(ap.square() - an.square() + margin)


def soft(ap: Tensor, an: Tensor, pn: Tensor, margin: float) -> Tensor:
    """Return max(0, d_ap + log(exp(margin - d_an) + exp(margin - d_pn))) (T,): both other sides push.

    The lifted structure of Song et al. (2016), CVPR, with one negative; so coded for the CUB poster
    (schinmayee/metric-learning).
    """
    return relu(ap + torch.logaddexp(margin - an, margin - pn))


def softplus(ap: Tensor, an: Tensor, pn: Tensor, margin: float) -> Tensor:
    """Return log(1 + exp(d_ap - d_an)) (T,): the soft margin of Hermans, Beyer and Leibe (2017)."""
    return functional.softplus(ap - an)


def ratio(ap: Tensor, an: Tensor, pn: Tensor, margin: float) -> Tensor:
    """Return t1^2 - t2^2 + 1 = 2 sigmoid(d_ap - d_an) (T,), t1 = softmax(d_ap, d_an)_1, t2 = 1 - t1."""
    return 2.0 * torch.sigmoid(ap - an)


def softmax_ratio(ap: Tensor, an: Tensor, pn: Tensor, margin: float) -> Tensor:
    """Return t1^2 + (1 - t2)^2 = 2 t1^2 (T,), t1 as in `ratio`: Hoffer and Ailon (2015), triplet network."""
    return 2.0 * torch.sigmoid(ap - an).square()


FORMS = {
    "hinge": hinge,
    "squared": squared,
    "soft": soft,
    "softplus": softplus,
    "ratio": ratio,
    "softmax-ratio": softmax_ratio,
}


SMOOTH = ("softplus", "ratio", "softmax-ratio")
"""Forms that never reach 0, though their digits may: these are averaged over all triplets."""


class TripletLoss(Loss):
    """Mean over the triplets (anchor, positive, negative) whose value is above 0; Euclidean, not normalised.

    form: "hinge", "squared" (FaceNet), "soft" (the negative against anchor and positive, as in lifted
    structure), "softplus" (the soft margin of Hermans et al.), "ratio" (the CUB poster of
    schinmayee/metric-learning as coded: + 1, so that it is positive) and "softmax-ratio" (Hoffer and Ailon).
    Softplus and the two ratios know no margin and never reach 0: their mean is over all triplets.
    miner: from `shoal.miners`, or any function of distances and labels; None takes every triplet of the
    batch: "hinge" and "squared" in O(N^2 log N) time and O(N) memory, the others in O(N^2 P) time for P items
    a class and O(N^2) memory.
    """

    def __init__(self, *, margin: float = 0.2, form: str = "hinge", miner: Miner | None = None) -> None:
        super().__init__()
        if form not in FORMS:
            raise LossError(f"TripletLoss has no form {form!r}; there are {', '.join(FORMS)}.")
        check_setting("TripletLoss", "margin", margin, at_least=0.0)
        if miner is not None and not callable(miner):
            raise LossError(
                f"TripletLoss got miner={miner!r}; it takes a function of distances and labels, such as "
                "shoal.miners.semi_hard, or None for all triplets."
            )
        self.margin = margin
        self.form = form
        self.miner = miner

    def compute(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the loss of z (N, D) with labels y (N,); 0 when the batch holds no triplet."""
        if self.miner is None and self.form in ("hinge", "squared"):
            return mean_over_blocks(centred(z), y, self._of_anchors) if len(z) else nothing(z)
        distances = pairwise(z)
        if self.miner is None:
            loss: Tensor = self._of_blocks(distances, y)
            return loss
        return self._of_triplets(distances, *mined(self.miner(distances.detach(), y), len(y)))

    def _of_anchors(self, anchors: Tensor, z: Tensor, block: Block) -> tuple[Tensor, Tensor]:
        distances = euclidean(anchors, z, itself=block.rows.start)
        return hinges(distances.square() if self.form == "squared" else distances, block, self.margin)

    def _of_triplets(self, distances: Tensor, a: Tensor, p: Tensor, n: Tensor) -> Tensor:
        values = FORMS[self.form](distances[a, p], distances[a, n], distances[p, n], self.margin)
        if not len(a):
            return nothing(distances)
        return values.mean() if self.form in SMOOTH else values.sum() / (values > 0).sum().clamp_min(1)

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def _of_blocks(self, distances: Tensor, y: Tensor) -> Tensor:
        positive, negative = same_class(y)
        anchors, positives = positive.nonzero(as_tuple=True)
        total, above = nothing(distances), distances.new_zeros(())
        # N pairs at a time against N negatives: quadratic memory, and the backward pass computes them again
        size = max(len(y), 1)
        for a, p in zip(torch.split(anchors, size), torch.split(positives, size), strict=True):
            part, count = checkpoint(self._of_pairs, distances, negative, a, p, use_reentrant=False)
            total, above = total + part, above + count
        return total / above.clamp_min(1.0)

    def _of_pairs(self, distances: Tensor, negative: Tensor, a: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
        """Return the sum and the number of the values that count: pairs a, p (B,) with every negative."""
        ap, an, pn = distances[a, p][:, None], distances[a], distances[p]
        values = FORMS[self.form](ap, an, pn, self.margin) * negative[a]
        counted = negative[a] if self.form in SMOOTH else values.detach() > 0
        return values.sum(), counted.sum().to(values.dtype)


def mined(found: object, items: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return what a miner found; raise `LossError` unless it is three columns (T,) of numbers below `items`.

    Under `torch.compile` the numbers themselves are not checked.
    """
    columns = found if isinstance(found, tuple | list) else ()
    usual = len(columns) == 3 and all(isinstance(one, Tensor) and one.dtype in NUMBERS for one in columns)
    usual = usual and columns[0].ndim == 1 and len({one.shape for one in columns}) == 1
    if usual and len(columns[0]) and not torch.compiler.is_compiling():
        usual = all(least >= 0 and most < items for least, most in ends(*columns))
    if not usual:
        given = [str(getattr(one, "dtype", type(one).__name__)) for one in columns] or type(found).__name__
        raise LossError(
            f"TripletLoss got from its miner {given}; a miner returns three columns (T,) of as many numbers "
            f"of items, from 0 to {items - 1}: anchors, positives and negatives."
        )
    return columns[0], columns[1], columns[2]


def hinges(distances: Tensor, block: Block, margin: float) -> tuple[Tensor, Tensor]:
    """Return the sum of max(0, d_ap - d_an + margin) over all triplets, and how many are above 0.

    distances (B, N): of the block's anchors to all items. For one pair the c negatives nearer than
    t = d_ap + margin add up to c t - (sum of their distances): with each anchor's negatives sorted and summed
    up once, a pair costs one look-up.
    """
    ordered = block.negatives(distances, torch.inf).sort(dim=1).values
    reach = distances[:, block.near] + margin
    nearer = torch.searchsorted(ordered.detach(), reach.detach().contiguous())
    running = ordered.masked_fill(ordered.isinf(), 0.0).cumsum(dim=1)
    running = torch.cat([torch.zeros_like(running[:, :1]), running], dim=1)
    values = (nearer * reach - running.gather(1, nearer)) * block.positive
    return values.sum(), (nearer * block.positive).sum()
