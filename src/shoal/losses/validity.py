"""What the losses made of cluster validity indices share."""

import torch
from torch import Tensor

from shoal.losses.base import Loss, dense, nothing
from shoal.losses.classes import Classes
from shoal.losses.distance import of_fair_size, safe_sqrt, squares_apart


class ValidityLoss(Loss):
    """A cluster validity index as a loss, O(NK) through class means unless it says otherwise.

    The index must ignore shift and scale of z. With fewer than two classes the loss is 0; a singleton class
    counts with spread 0.
    """

    degree = 1

    def compute(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the loss of z (N, D) with labels y (N,)."""
        present, places = dense(y)
        if len(present) < 2:
            return nothing(z)
        z = of_fair_size(z)
        return self.of_classes(z, Classes.of(z, places, len(present)))

    def of_classes(self, z: Tensor, classes: Classes) -> Tensor:
        """Return the loss of z (N, D) divided into at least two classes."""
        raise NotImplementedError


def share(bad: Tensor, good: Tensor) -> Tensor:
    """Return bad / (bad + good) of two terms >= 0: an index bad / good brought into [0, 1]; 0 for 0 and 0."""
    total = bad + good
    some = total > torch.finfo(total.dtype).tiny
    return torch.where(some, bad / torch.where(some, total, torch.ones_like(total)), 0.0 * total)


def within(classes: Classes) -> Tensor:
    """Return SSW, the sum of squared distances of all items to their class means."""
    return classes.squares.sum()


def between(classes: Classes) -> Tensor:
    """Return SSB = sum_k n_k ||mean_k - mean||^2."""
    mean = (classes.counts @ classes.means) / classes.counts.sum()
    return classes.counts @ (classes.means - mean).square().sum(dim=1)


def centre_squares(classes: Classes) -> Tensor:
    """Return the squared distances between class means (K, K), infinite on the diagonal."""
    squares = squares_apart(classes.means, classes.means)
    itself = torch.eye(len(squares), dtype=torch.bool, device=squares.device)
    return squares.masked_fill(itself, torch.inf)


def radii(classes: Classes) -> Tensor:
    """Return each class's mean distance to its mean (K,)."""
    sums = torch.zeros_like(classes.counts).index_add(0, classes.places, safe_sqrt(classes.squares))
    return sums / classes.counts
