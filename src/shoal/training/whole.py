"""A backbone with a head on top, as one module: what trains of it, what stays frozen, what it embeds."""

from collections.abc import Callable, Sequence, Sized
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shoal.arrays import as_array
from shoal.networks import Pictures, as_input, by_channel, evaluating, in_its_precision, part, pooled
from shoal.training.checked import Floats, Labels, TrainingError
from shoal.training.head import Head

Reader = Callable[[NDArray[np.int64]], Pictures]
"""Positions (B,) to their pictures: for piles that do not fit into memory."""


class CountedReader(Protocol):
    """A `Reader` that knows how many pictures there are."""

    def __call__(self, at: NDArray[np.int64], /) -> Pictures:
        """Return the pictures at positions (B,)."""
        ...

    def __len__(self) -> int:
        """Return how many there are."""
        ...


_NORMS = (nn.modules.batchnorm._BatchNorm, nn.modules.instancenorm._InstanceNorm)


class Whole(nn.Module):
    """Pictures (B, ...) -> network -> mean over positions or tokens -> head -> (B, d).

    The parts named in `frozen` neither train nor leave evaluation mode, so that no number of theirs changes;
    batch norms elsewhere leave it only where `statistics` is set. Raises `NetworkError` for a part that there
    is not.
    """

    def __init__(
        self, network: nn.Module, head: Head, *, frozen: Sequence[str] = (), statistics: bool = False
    ) -> None:
        super().__init__()
        self.rows, self.head = Rows(network), head
        parts = [part(network, name) for name in frozen]
        for one in parts:
            one.requires_grad_(False)
        norms = [] if statistics else [one for one in network.modules() if isinstance(one, _NORMS)]
        self._still = [*parts, *norms]

    def train(self, mode: bool = True) -> "Whole":
        """Set the mode of all but what stays in evaluation mode."""
        super().train(mode)
        for one in self._still:
            one.eval()
        return self

    def forward(self, pictures: Tensor) -> Tensor:
        """Map pictures (B, ...) to (B, d)."""
        z: Tensor = self.head(self.rows(pictures).to(self.head.mean.dtype))
        return z

    @property
    def network(self) -> nn.Module:
        """The network under the head."""
        return self.rows.network

    def slow(self) -> list[nn.Parameter]:
        """Return the network's parameters that train."""
        return [one for one in self.network.parameters() if one.requires_grad]


class Rows(nn.Module):
    """What a network gives as rows (B, D): the mean over positions of maps (B, D, h, w), or over tokens."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Tensor:
        """Map pictures (B, ...) to (B, D); raise `TrainingError` where the network gives no rows."""
        output = self.network(in_its_precision(self.network, pictures))
        if output.ndim < 2:
            raise TrainingError(
                f"the network gave the shape {tuple(output.shape)}; it must give (B, D) or (B, D, h, w)."
            )
        return pooled(by_channel(self.network, output))


@torch.no_grad()
def run_over(module: nn.Module, read: Reader, at: Labels, *, batch: int, device: str) -> Floats:
    """Return what `module` makes of the pictures at positions (M,), in evaluation mode, as float32 (M, d)."""
    rows = []
    with evaluating(module):
        for start in range(0, len(at), batch):
            out = module(as_input(read(at[start : start + batch]), device))
            rows.append(out.float().cpu().numpy())
    return np.concatenate(rows)


def reader_of(pictures: Pictures | Reader, items: int) -> Reader:
    """Return who reads pictures by position; raise `TrainingError` unless there is one an item."""
    who = "train_backbone()"
    held = pictures if callable(pictures) else _held(who, pictures)
    number = len(held) if isinstance(held, Sized) else items
    if number != items:
        raise TrainingError(f"{who} got {number} pictures and {items} labels; one an item.")
    if callable(held):
        return held
    return lambda at: held[torch.from_numpy(at).to(held.device)] if isinstance(held, Tensor) else held[at]


def _held(who: str, pictures: Pictures) -> Pictures:
    """Return pictures as an array or a tensor without a gradient; raise `TrainingError` for anything else."""
    if isinstance(pictures, Tensor):
        return pictures.detach()
    try:
        rows = as_array(pictures)
    except ValueError as problem:
        raise TrainingError(f"{who} got pictures that are no array: {problem}") from problem
    if rows.ndim < 2 or not (rows.dtype == np.uint8 or rows.dtype.kind == "f"):
        raise TrainingError(
            f"{who} got pictures of shape {rows.shape} and {rows.dtype}; it takes uint8 (N, H, W, 3), floats "
            "(N, ...) as the network wants them, or a function from positions to either."
        )
    return rows
