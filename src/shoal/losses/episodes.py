"""Episodes: which items of a batch make a class's prototype and which ones are asked about."""

import torch
from torch import Tensor

from shoal.losses.base import one_hot


def split(y: Tensor, shots: int) -> tuple[Tensor, Tensor]:
    """Return two bool masks (N,): support, the first `shots` items of each class, and queries, the rest.

    Classes with `shots` items or fewer give no query; classes are known by at least one item.
    """
    ordered, order = y.sort(stable=True)
    rank = torch.arange(len(y), device=y.device) - torch.searchsorted(ordered, ordered)
    support = torch.zeros_like(y, dtype=torch.bool)
    support[order] = rank < shots
    return support, ~support


def prototypes(z: Tensor, places: Tensor, classes: int) -> Tensor:
    """Return the mean of each class (K, D) of rows z (N, D); every class 0..K-1 occurs in places (N,)."""
    members = one_hot(places, classes, z)
    # around the middle of all: sums of numbers far from the origin lose digits
    middle = z.detach().mean(dim=0)
    return (members.T @ (z - middle)) / members.sum(dim=0)[:, None] + middle


def without_itself(z: Tensor, places: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Return each item's own class mean without the item (N, D), and which items have company (N,) bool."""
    counts = torch.bincount(places, minlength=classes)[places]
    means = prototypes(z, places, classes)[places]
    # mean + (mean - z) / (n - 1): differences first, which keep their digits
    return means + (means - z) / (counts[:, None] - 1).clamp_min(1), counts > 1
