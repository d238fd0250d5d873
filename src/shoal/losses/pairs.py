"""Which items of a batch belong together."""

import torch
from torch import Tensor


def same_class(y: Tensor) -> tuple[Tensor, Tensor]:
    """Return two bool masks (N, N): same class and not the same item; another class."""
    same = y[:, None] == y
    itself = torch.eye(len(y), dtype=torch.bool, device=y.device)
    return same & ~itself, ~same


def has_pairs(y: Tensor) -> bool:
    """Return whether labels y (N,) hold two items of one class and two of different ones."""
    classes = torch.unique(y)
    return 1 < len(classes) < len(y)
