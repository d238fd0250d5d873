"""What a training is about: which labels train, which are kept aside, and the loss that sees them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from shoal.training.checked import Labels, TrainingError, checked_labels, need_two_classes
from shoal.training.loop import Plan
from shoal.training.split import Split, split
from shoal.types import ShoalError

LossBuilder = Callable[[int, int], nn.Module]
"""The number of classes K and the width d to a loss: the `build` of every row of `shoal.losses.LOSSES`."""

TAKEN = (
    "hand in a module (embeddings, labels) -> scalar, a row's build (LOSSES.load('silhouette').build), or a "
    "function (classes, width) that returns a module. A function (embeddings, labels) becomes a module as "
    "the forward of one: class Mine(nn.Module): def forward(self, embeddings, labels): ..."
)
"""What a loss may be, at the end of a refusal."""


@dataclass(frozen=True, slots=True)
class Targets:
    """Labels `whole` (N,), what of them trains and what is kept aside, the classes (K,) that train.

    `ready`: the loss where it is a module, which sees the labels as they are; else it sees them dense from 0.
    """

    whole: Labels
    parts: Split
    classes: Labels
    ready: nn.Module | None

    @classmethod
    def of(
        cls, who: str, labels: ArrayLike, items: int | None, loss: nn.Module | LossBuilder, plan: Plan
    ) -> Self:
        """Check labels (N,) and split them by the plan; raise `TrainingError` without two classes."""
        whole = checked_labels(who, labels, items)
        need_two_classes(who, whole)
        parts = split(whole, plan.hold_out, plan.share, plan.seed)
        classes = need_two_classes(who, whole[parts.training])
        return cls(whole, parts, classes, loss if isinstance(loss, nn.Module) else None)

    @property
    def seen(self) -> Labels:
        """The labels (M,) of the items that train, as the loss sees them."""
        training = self.whole[self.parts.training]
        return np.searchsorted(self.classes, training) if self.ready is None else training

    @property
    def rows(self) -> Labels:
        """The label behind each row of the loss's weights, where it has a row for each."""
        if self.ready is None:
            return self.classes
        needed = int(self.classes.max()) + 1
        has_rows = any(one.ndim and len(one) >= needed for one in self.ready.state_dict().values())
        return np.arange(needed) if has_rows else self.classes


@dataclass(frozen=True, slots=True)
class Earlier:
    """A loss that was trained before, and the label behind each of its rows."""

    loss: nn.Module
    classes: Labels


def loss_for(
    loss: nn.Module | LossBuilder, classes: Labels, width: int, earlier: Earlier | None = None
) -> nn.Module:
    """Return the loss, built for classes (K,) and vectors `width` wide where it is a builder.

    A loss that is built begins with the numbers of an `earlier` one of its kind. Raises `TrainingError` where
    it cannot be built, or is no module then.
    """
    if isinstance(loss, nn.Module):
        return loss
    try:
        built: object = loss(len(classes), width)
    except ShoalError:
        raise
    except Exception as problem:  # whatever a function does with two whole numbers
        raise TrainingError(
            f"training got the loss {loss!r}, which builds nothing of classes and width ({problem}); {TAKEN}"
        ) from problem
    if not isinstance(built, nn.Module):
        raise TrainingError(
            f"training got the loss {loss!r}, which is no nn.Module and built a {type(built).__name__} of "
            f"classes and width; {TAKEN}"
        )
    if earlier is not None and type(earlier.loss) is type(built):
        _take_over(built, classes, earlier)
    return built


@torch.no_grad()
def _take_over(loss: nn.Module, classes: Labels, earlier: Earlier) -> None:
    """Give a new loss the numbers of an earlier one: row by row for classes both know, whole otherwise."""
    _, new, old = np.intersect1d(classes, earlier.classes, return_indices=True)
    numbers = earlier.loss.state_dict()
    for name, tensor in loss.state_dict().items():
        before = numbers.get(name)
        if before is None or before.shape[1:] != tensor.shape[1:]:
            continue
        if tensor.ndim and len(tensor) == len(classes) and len(before) == len(earlier.classes):
            tensor[torch.from_numpy(new)] = before[torch.from_numpy(old)].to(tensor.device)
        elif before.shape == tensor.shape:
            tensor.copy_(before)
