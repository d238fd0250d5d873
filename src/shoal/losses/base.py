"""What every loss shares: the checks, the unlabelled items, the precision, the weights of classes."""

import inspect
import math
from typing import Any, Self

import torch
from torch import Tensor, nn

from shoal.arrays import is_number, is_whole, plain_number
from shoal.types import UNLABELLED, ShoalError


class LossError(ShoalError):
    """A batch or a setting that a loss refuses."""


def check_setting(
    who: str,
    name: str,
    value: float,
    *,
    above: float = -math.inf,
    at_least: float = -math.inf,
    at_most: float = math.inf,
    below: float = math.inf,
    whole: bool = False,
) -> None:
    """Raise `LossError` unless a setting is a finite number within its bounds; NaN is within none."""
    fits = is_whole(value) if whole else is_number(value)
    if fits and above < value < below and at_least <= value <= at_most:
        return
    bounds = {"above": above, "at least": at_least, "at most": at_most, "below": below}
    wanted = [f"{word} {bound:g}" for word, bound in bounds.items() if math.isfinite(bound)]
    kind = "a whole number" if whole else "finite"
    raise LossError(f"{who} got {name}={value!r}; it must be {' and '.join([kind, *wanted])}.")


def nothing(z: Tensor) -> Tensor:
    """Return the scalar 0 that still hangs on z (N, D): its gradient is defined, and zero."""
    return (z * 0.0).sum()


def labelled(embeddings: Tensor, labels: Tensor, *, who: str) -> tuple[Tensor, Tensor]:
    """Return the rows (M, D) and the labels (M,) of the items that are not -1.

    Raises `LossError` on labels below -1, unless it is being compiled.
    """
    if labels.numel() and not torch.compiler.is_compiling():
        # picking rows costs more than many a loss, and in most batches there is nothing to leave out
        least = int(labels.min())
        if least > UNLABELLED:
            return embeddings, labels
        if least < UNLABELLED:
            raise LossError(f"{who} got the label {least}; labels are >= 0, or -1 for unlabelled.")
    known = labels != UNLABELLED
    return embeddings[known], labels[known]


def dense(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the classes that occur (K,), ascending, and each item's place among them (N,) int64."""
    classes, places = torch.unique(labels, return_inverse=True)
    return classes, places


def one_hot(places: Tensor, classes: int, like: Tensor) -> Tensor:
    """Return (N, K) with 1 at each item's class, in the dtype of `like`."""
    rows = torch.zeros(len(places), classes, dtype=like.dtype, device=like.device)
    return rows.scatter(1, places[:, None], 1.0)


class Loss(nn.Module):
    """A loss: embeddings (N, D) and labels (N,) in, one scalar out.

    Items labelled -1 take no part. A batch in which nothing can be compared (empty, all unlabelled, one class
    where two are needed, singletons where pairs are needed) gives 0 with a zero gradient. float16 and
    bfloat16 are computed in float32, also under autocast; the result is then float32.
    A NaN or an infinity in a labelled item raises `LossError`, and so do values so large that the loss's
    arithmetic would overflow; under `torch.compile` values are not checked.

    degree: the highest power of the embeddings that is formed. 1 where they are scaled before anything is
    squared: such a loss takes nearly all that the dtype holds; the others take about its square root.
    """

    degree = 2

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Return the scalar loss of embeddings (N, D) float with labels (N,) int, -1 = unlabelled.

        Raises `LossError` on other shapes and dtypes, on labels below -1, and on values that are not finite
        or too large.
        """
        self._check_kinds(embeddings, labels)
        self._check_shapes(embeddings, labels)
        unsigned = labels.dtype == torch.uint64
        labels = labels.to(device=embeddings.device, dtype=torch.int64)
        if unsigned and not torch.compiler.is_compiling():
            self._check_wrapped(labels)
        z, y = labelled(embeddings, labels, who=type(self).__name__)
        if z.dtype in (torch.float16, torch.bfloat16):
            z = z.float()
        if not torch.compiler.is_compiling():
            self._check_values(z, y)
        if not torch.is_autocast_enabled(z.device.type):
            return self.compute(z, y)
        with torch.autocast(z.device.type, enabled=False):
            return self.compute(z, y)

    def compute(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the scalar loss of z (N, D) float32 or float64 with labels y (N,) int64, all >= 0."""
        raise NotImplementedError

    @classmethod
    def build(cls, classes: int, width: int) -> Self:
        """Return this loss with its default settings for K classes and embeddings of width D."""
        return cls()

    def settings(self) -> dict[str, Any]:
        """Return the arguments that make a loss like this one, read from its attributes of the same names."""
        named = inspect.signature(type(self)).parameters.values()
        several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        return {one.name: plain_number(getattr(self, one.name)) for one in named if one.kind not in several}

    def _check_kinds(self, embeddings: object, labels: object) -> None:
        for what, given in (("embeddings", embeddings), ("labels", labels)):
            if not isinstance(given, Tensor):
                raise LossError(
                    f"{type(self).__name__} got {what} as {type(given).__name__}; it takes tensors: "
                    "torch.as_tensor makes one."
                )

    def _check_shapes(self, embeddings: Tensor, labels: Tensor) -> None:
        name = type(self).__name__
        if embeddings.ndim != 2 or not embeddings.is_floating_point() or not embeddings.shape[1]:
            raise LossError(
                f"{name} got embeddings of shape {tuple(embeddings.shape)} and {embeddings.dtype}; "
                "it takes floating-point rows (N, D)."
            )
        if labels.shape != embeddings.shape[:1] or labels.is_floating_point() or labels.dtype == torch.bool:
            raise LossError(
                f"{name} got labels of shape {tuple(labels.shape)} and {labels.dtype} for "
                f"{len(embeddings)} embeddings; it takes one integer an item, -1 for unlabelled."
            )

    def _check_wrapped(self, labels: Tensor) -> None:
        beyond = int((labels < 0).sum())
        if beyond:
            raise LossError(
                f"{type(self).__name__} got {beyond} uint64 labels beyond int64; labels are below 2**63. "
                "Unlabelled items are -1, which needs a signed dtype."
            )

    def _check_values(self, z: Tensor, y: Tensor) -> None:
        name = type(self).__name__
        if not z.numel():
            return
        # a NaN is both the least and the largest; only then is it worth looking at each value
        low, high = torch.aminmax(z.detach())
        largest = max(-float(low), float(high))
        if not math.isfinite(largest):
            bad = int((~z.isfinite()).any(dim=1).sum())
            raise LossError(
                f"{name} got {bad} of {len(z)} labelled embeddings with NaN or infinite values; "
                "look for a learning rate that is too high or a broken input, or label those items -1."
            )
        # a sum over all pairs of items and all D numbers must fit as well
        most = torch.finfo(z.dtype).max ** (1.0 / self.degree) / (2.0 * z.numel())
        if largest > most:
            raise LossError(
                f"{name} got embeddings as large as {largest:.3g}; in {z.dtype} a batch of shape "
                f"{tuple(z.shape)} may hold up to {most:.3g}, lest sums overflow. Look for a learning rate "
                "that is too high, or divide the embeddings by a number."
            )


class ClassLoss(Loss):
    """A loss with one trainable weight (row of D numbers) a class: give its parameters to the optimiser too.

    Raises `LossError` when a label is not below `classes` or the embeddings are not `width` wide.
    """

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        check_setting(type(self).__name__, "classes", classes, at_least=1, whole=True)
        check_setting(type(self).__name__, "width", width, at_least=1, whole=True)
        self.classes, self.width = classes, width
        self.weights = nn.Parameter(torch.empty(classes, width))
        nn.init.xavier_normal_(self.weights)

    @classmethod
    def build(cls, classes: int, width: int) -> Self:
        """Return this loss with its default settings for K classes and embeddings of width D."""
        return cls(classes, width)

    def scores(self, embeddings: Tensor) -> Tensor:
        """Return how well each item fits each class (N, K), higher is better; argmax predicts."""
        raise NotImplementedError

    def _check_shapes(self, embeddings: Tensor, labels: Tensor) -> None:
        super()._check_shapes(embeddings, labels)
        if embeddings.shape[1] != self.weights.shape[1]:
            raise LossError(
                f"{type(self).__name__} was built for embeddings of width {self.weights.shape[1]}, "
                f"and got width {embeddings.shape[1]}."
            )

    def _check_values(self, z: Tensor, y: Tensor) -> None:
        super()._check_values(z, y)
        if y.numel() and int(y.max()) >= len(self.weights):
            raise LossError(
                f"{type(self).__name__} was built for {len(self.weights)} classes and got the label "
                f"{int(y.max())}; labels are dense from 0. Build it with more classes."
            )
