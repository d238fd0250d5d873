"""A slope that has no slope of its own: asked for one it refuses, where torch gives NaN or nothing."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from shoal.losses.base import LossError


def once(z: Tensor) -> Tensor:
    """Return z (N, D), whose slope cannot be differentiated again: that raises `LossError`.

    For values whose slope is formed along with them: torch's own `once_differentiable` takes such a slope
    for a constant, and a penalty on it would do nothing. And for distances through `cdist`, whose second
    derivative is NaN between equal rows, or missing.
    """
    guarded: Tensor = _Once.apply(z)  # type: ignore[no-untyped-call]
    return guarded


def final(slope: Tensor, z: Tensor) -> Tensor:
    """Return a slope by z, which cannot be differentiated: that raises `LossError`. For a backward pass."""
    if not torch.is_grad_enabled():  # nobody is going to ask
        return slope
    guarded: Tensor = _Slope.apply(slope, z)  # type: ignore[no-untyped-call]
    return guarded


class _Once(Function):
    @staticmethod
    def forward(z: Tensor) -> Tensor:
        return z.view_as(z)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return final(gradient, *ctx.saved_tensors)


class _Slope(Function):
    @staticmethod
    def forward(slope: Tensor, z: Tensor) -> Tensor:
        return slope.view_as(slope)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        raise LossError(
            "this loss has no second derivative. Take one that has (docs/losses/README.md lists them), or "
            "keep its slope out of what is differentiated."
        )
