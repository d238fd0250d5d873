"""Train a head's wide first layer inside the few directions in which the vectors differ most."""

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shoal.training.head import Head, unit_rows

SAMPLE = 2048
"""The directions are found on about this many vectors, evenly drawn."""
SPARE = 16
"""Directions the search carries beyond those asked for, so that the last ones are good too."""


class Narrow(nn.Module):
    """A head whose first weight W (H, D) is A V^T + R: only A (H, r) is trained, V (D, r) is fixed.

    Its inputs x (N, D), standardised, are known: x V (N, r) is computed once, and so is x R^T (N, H), the
    part of an earlier W that lies outside of V. `fold` writes W back. The other layers are the head's own.
    Without a basis V, W itself is trained.
    """

    def __init__(self, head: Head, x: Tensor, basis: Tensor | None, *, fresh: bool) -> None:
        super().__init__()
        self.unit = head.normalise
        self.basis = basis
        self.rest: Tensor | None = None
        self.offset: Tensor | None = None
        self.first, self.others = cast(nn.Linear, head.body[0]), head.body[1:]
        self.inputs = x
        if basis is not None:
            self._reduce(self.first, x, basis, fresh=fresh)

    def forward(self, at: Tensor) -> Tensor:
        """Return the embedding (B, d) of the inputs at positions (B,)."""
        value = self.first(self.inputs[at])
        if self.offset is not None:
            value = value + self.offset[at]
        z: Tensor = self.others(value)
        return unit_rows(z) if self.unit else z

    @torch.no_grad()
    def fold(self, head: Head) -> None:
        """Write the trained first layer into `head`."""
        if self.basis is None:
            return
        weight = self.first.weight @ self.basis.T
        first = cast(nn.Linear, head.body[0])
        first.weight.copy_(weight if self.rest is None else weight + self.rest)
        first.bias.copy_(self.first.bias)

    @torch.no_grad()
    def _reduce(self, whole: nn.Linear, x: Tensor, basis: Tensor, *, fresh: bool) -> None:
        inside = whole.weight @ basis
        self.inputs = x @ basis
        # what a fresh layer holds outside of V is noise that nothing would ever train away
        self.rest = None if fresh else whole.weight - inside @ basis.T
        self.offset = None if self.rest is None else x @ self.rest.T
        self.first = nn.Linear(basis.shape[1], whole.out_features, device=x.device)
        self.first.weight.copy_(inside)
        self.first.bias.copy_(whole.bias)


@torch.no_grad()
def principal_basis(head: Head, vectors: NDArray[np.floating], rank: int) -> Tensor | None:
    """Return the first `rank` principal axes (D, r) of vectors (N, D) as `head` standardises them.

    None where that would save nothing: rank 0, or half of D and more.
    """
    if not rank or 2 * rank > head.width:
        return None
    rows = vectors[:: max(1, len(vectors) // SAMPLE)].astype(np.float32)
    rows = rows[np.isfinite(rows).all(axis=1)]
    x = head.before(torch.from_numpy(rows).to(head.mean.device))
    wanted = min(rank, len(x))
    _, _, axes = torch.svd_lowrank(x, q=min(wanted + SPARE, *x.shape), niter=2)
    return axes[:, :wanted].contiguous()
