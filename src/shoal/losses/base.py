"""What every loss shares: the checks, the unlabelled items, the precision, the weights of classes."""

import inspect
import math
from typing import Any, Self

import torch
from torch import Tensor, nn

from shoal.arrays import is_number, is_whole, plain_number
from shoal.types import UNLABELLED, ShoalError

HALVES = (torch.float16, torch.bfloat16)
FLOATS = (*HALVES, torch.float32, torch.float64)
_SIGNED = (torch.int8, torch.int16, torch.int32, torch.int64)
WHOLE = (*_SIGNED, torch.uint8, torch.uint16, torch.uint32, torch.uint64)


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


def labelled(embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows (M, D) and the labels (M,) of the items that are not -1."""
    known = labels != UNLABELLED
    return embeddings[known], labels[known]


def ends(*tensors: Tensor) -> list[tuple[float, float]]:
    """Return the least and the largest number of each tensor; both are NaN where there is one."""
    found = [torch.aminmax(one.detach()) for one in tensors]
    if tensors[0].device.type != "cuda":
        return [(low.item(), high.item()) for low, high in found]
    # looking at a number waits for the device: once
    numbers = torch.stack([end.double() for pair in found for end in pair]).tolist()
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def why_strange(given: Tensor) -> str | None:
    """Return what keeps a tensor from being looked at, however right its shape; None of a usual one."""
    if given.is_nested or given.layout is not torch.strided:
        return (
            "a nested tensor" if given.is_nested else f"a {given.layout} tensor; to_dense() makes a usual one"
        )
    return "a tensor on the device 'meta', which holds no numbers" if given.is_meta else None


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
        z = embeddings.float() if embeddings.dtype in HALVES else embeddings
        z, y = labelled(z, labels) if torch.compiler.is_compiling() else self._checked(z, labels)
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

    def nothing(self, z: Tensor) -> Tensor:
        """Return the scalar 0 that hangs on z (N, D) and on the loss's parameters: all have a slope, 0."""
        return sum((nothing(one) for one in self.parameters()), start=nothing(z))

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
            strange = why_strange(given)
            if strange:
                raise LossError(f"{type(self).__name__} got {what} as {strange}.")

    def _check_shapes(self, embeddings: Tensor, labels: Tensor) -> None:
        name = type(self).__name__
        if embeddings.ndim != 2 or embeddings.dtype not in FLOATS or not embeddings.shape[1]:
            raise LossError(
                f"{name} got embeddings of shape {tuple(embeddings.shape)} and {embeddings.dtype}; "
                "it takes rows (N, D) in float16, bfloat16, float32 or float64."
            )
        if labels.shape != embeddings.shape[:1] or labels.dtype not in WHOLE:
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

    def _checked(self, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the labelled rows and their labels; raise `LossError` on numbers that are refused."""
        if not z.numel():
            return z, y
        (low, high), (least, most) = ends(z, y)
        if least < UNLABELLED:
            raise LossError(
                f"{type(self).__name__} got the label {int(least)}; labels are >= 0, or -1 for unlabelled."
            )
        self._check_labels(int(most))
        largest = max(-low, high)
        if least == UNLABELLED:  # picking rows costs more than many a loss
            z, y = labelled(z, y)
            if z.numel() and not largest <= self._most(z):  # perhaps it is an unlabelled item's
                low, high = ends(z)[0]
                largest = max(-low, high)
        if z.numel() and not largest <= self._most(z):
            self._refuse(z, largest)
        return z, y

    def _most(self, z: Tensor) -> float:
        # a sum over all pairs of items and all D numbers must fit as well
        most: float = torch.finfo(z.dtype).max ** (1.0 / self.degree) / (2.0 * z.numel())
        return most

    def _refuse(self, z: Tensor, largest: float) -> None:
        name = type(self).__name__
        if not math.isfinite(largest):
            bad = int((~z.isfinite()).any(dim=1).sum())
            raise LossError(
                f"{name} got {bad} of {len(z)} labelled embeddings with NaN or infinite values; "
                "look for a learning rate that is too high or a broken input, or label those items -1."
            )
        raise LossError(
            f"{name} got embeddings as large as {largest:.3g}; in {z.dtype} a batch of shape "
            f"{tuple(z.shape)} may hold up to {self._most(z):.3g}, lest sums overflow. Look for a learning "
            "rate that is too high, or divide the embeddings by a number."
        )

    def _check_labels(self, most: int) -> None:
        """Raise `LossError` where the highest label is too high."""


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

    def _check_labels(self, most: int) -> None:
        if most >= len(self.weights):
            raise LossError(
                f"{type(self).__name__} was built for {len(self.weights)} classes and got the label {most}; "
                "labels are dense from 0. Build it with more classes."
            )
