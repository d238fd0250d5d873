"""Which items of a batch belong together, as masks, and means over what a mask keeps."""

import torch
from torch import Tensor


def same_class(y: Tensor) -> tuple[Tensor, Tensor]:
    """Return two bool masks (N, N): same class and not the same item; another class."""
    same = y[:, None] == y
    itself = torch.eye(len(y), dtype=torch.bool, device=y.device)
    return same & ~itself, ~same


def mean_over(values: Tensor, kept: Tensor) -> Tensor:
    """Return the mean of `values` where the mask `kept` of the same shape holds; 0 where it never does."""
    weight = kept.to(values.dtype)
    return (values * weight).sum() / weight.sum().clamp_min(1.0)


def mean_over_nonzero(values: Tensor, kept: Tensor) -> Tensor:
    """Return the mean of the positive `values` (>= 0) that `kept` allows: solved tuples do not dilute it."""
    return mean_over(values, kept & (values > 0))
