"""What a batch says about its classes: counts, means, spreads. The raw material of every O(NK) loss."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from shoal.losses.base import LossError, check_setting, one_hot


@dataclass(frozen=True)
class Classes:
    """K classes of one batch: counts (K,), means (K, D), spreads (K,) = mean squared distance to the mean.

    `places` (N,) is each item's class, 0 to K-1; `squares` (N,) is its squared distance to its own mean.
    """

    places: Tensor
    counts: Tensor
    means: Tensor
    spreads: Tensor
    squares: Tensor

    @classmethod
    def of(cls, z: Tensor, places: Tensor, classes: int) -> Self:
        """Gather the classes of z (N, D); `places` (N,) names each item's class and every class occurs.

        Bring z to its mean first, if it may lie far from the origin: sums lose digits there.
        """
        members = one_hot(places, classes, z)
        counts = members.sum(dim=0)
        means = (members.T @ z) / counts[:, None]
        squares = (z - means[places]).square().sum(dim=1)
        return cls(places, counts, means, (members.T @ squares) / counts, squares)


class ClassMemory(nn.Module):
    """Running means and spreads of all classes, so that a batch also sees the classes it does not hold.

    After each training batch the classes in it move: new = momentum * old + (1 - momentum) * batch, for the
    mean of the items and of their squared lengths, whatever few of a class a batch holds. What is
    remembered carries no gradient and grows stale as the network moves: keep batches rich in classes.
    """

    mean: Tensor
    spread: Tensor
    seen: Tensor

    def __init__(self, classes: int, width: int, *, momentum: float = 0.9) -> None:
        super().__init__()
        check_setting("ClassMemory", "classes", classes, at_least=1, whole=True)
        check_setting("ClassMemory", "width", width, at_least=1, whole=True)
        check_setting("ClassMemory", "momentum", momentum, at_least=0.0, below=1.0)
        self.momentum = momentum
        self.register_buffer("mean", torch.zeros(classes, width))
        self.register_buffer("spread", torch.zeros(classes))
        self.register_buffer("seen", torch.zeros(classes, dtype=torch.bool))

    def absent(self, present: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """Return means (M, D) and spreads (M,) of the remembered classes that are not in `present` (K,)."""
        self._check(present, like)
        wanted = self.seen.clone()
        wanted[present] = False
        return self.mean[wanted].to(like.dtype), self.spread[wanted].to(like.dtype)

    @torch.no_grad()
    def remember(self, present: Tensor, means: Tensor, spreads: Tensor) -> None:
        """Move the classes `present` (K,) towards this batch's means (K, D) and spreads (K,)."""
        keep = torch.where(self.seen[present], self.momentum, 0.0).to(self.mean.dtype)
        old, old_spread = self.mean[present], self.spread[present]
        moved = means.to(old.dtype) - old
        self.mean[present] = old + (1.0 - keep[:, None]) * moved
        within = keep * old_spread + (1.0 - keep) * spreads.to(old.dtype)
        # few items lie nearer to their own mean than to their class's: what their means differ by is missing
        self.spread[present] = within + keep * (1.0 - keep) * moved.square().sum(dim=1)
        self.seen[present] = True

    def _check(self, present: Tensor, like: Tensor) -> None:
        if like.shape[1] != self.mean.shape[1]:
            raise LossError(
                f"ClassMemory was built for width {self.mean.shape[1]} and got width {like.shape[1]}."
            )
        if present.numel() and int(present.max()) >= len(self.seen):
            raise LossError(
                f"ClassMemory was built for {len(self.seen)} classes and got the label {int(present.max())}."
            )
