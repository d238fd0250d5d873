"""What every room that looks into a torch network needs: parts by name, what they give, evaluation mode."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from itertools import chain
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shoal.types import ShoalError

Pictures = NDArray[Any] | Tensor
"""Pictures (N, H, W, 3) uint8, or floats (N, ...) as the network takes them, e.g. (N, 3, H, W) in [0, 1]."""
NAMED = 60
"""So many names are listed in a refusal."""


class NetworkError(ShoalError):
    """A network has no such part, or gives what cannot be read."""


def part(network: nn.Module, name: str) -> nn.Module:
    """Return the module `name` within a network; raise `NetworkError` listing the names that there are."""
    parts: dict[str, nn.Module] = dict(network.named_modules())
    parts.pop("", None)
    if name in parts:
        return parts[name]
    near = get_close_matches(name, parts, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    listed = ", ".join(list(parts)[:NAMED]) + (", ..." if len(parts) > NAMED else "")
    raise NetworkError(f"{type(network).__name__} has no layer {name!r}.{hint} There are: {listed}.")


def up_to(network: nn.Module, layers: Sequence[str]) -> nn.Module:
    """Return what of a network has to run for some layers: of a chain the children up to the last of them.

    The modules are shared. Raises `NetworkError` for a name that there is not.
    """
    for name in layers:
        part(network, name)
    if not isinstance(network, nn.Sequential) or not layers:
        return network
    children = [name for name, _ in network.named_children()]
    last = max(children.index(name.partition(".")[0]) for name in layers)
    return network[: last + 1]


@contextmanager
def watching(network: nn.Module, layers: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """Give a dict that holds each layer's output after every forward pass; the hooks are gone afterwards.

    `layers` are names of modules as in `network.named_modules()`. Of a module that runs several times in one
    pass the last output is held. Raises `NetworkError` for other names, and for an output that is no tensor.
    """
    parts = {name: part(network, name) for name in layers}
    seen: dict[str, Tensor] = {}

    def keeper(name: str) -> Any:
        def keep(module: nn.Module, _: Any, output: Any) -> None:
            if not isinstance(output, Tensor):
                raise NetworkError(
                    f"layer {name!r} ({type(module).__name__}) gives a {type(output).__name__}; only layers "
                    "that give one tensor can be read."
                )
            # a copy: what follows may write into it, as ReLU(inplace=True) does
            seen[name] = by_channel(module, output).clone()

        return keep

    handles = []
    try:
        for name, module in parts.items():
            handles.append(module.register_forward_hook(keeper(name)))
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def by_channel(module: nn.Module, output: Tensor) -> Tensor:
    """Return a module's output with its channels second: tokens (B, T, D), as of transformers, as (B, D, T).

    They are known by the last part that has parameters, a layer over rows of D: Linear, LayerNorm, Embedding.
    """
    return output.transpose(1, 2) if output.ndim == 3 and _row_width(module) == output.shape[2] else output


def _row_width(module: nn.Module) -> int | None:
    parts = [one for one in module.modules() if any(True for _ in one.parameters(recurse=False))]
    last = parts[-1] if parts else module
    if isinstance(last, nn.Linear):
        return last.out_features
    if isinstance(last, nn.Embedding):
        return last.embedding_dim
    if isinstance(last, nn.LayerNorm | nn.RMSNorm) and len(last.normalized_shape) == 1:
        return int(last.normalized_shape[0])
    return None


def pooled(output: Tensor) -> Tensor:
    """Return rows (B, D) as they are, and of maps (B, D, ...) the mean over the positions (B, D)."""
    return output.flatten(2).mean(dim=2) if output.ndim > 2 else output


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Put a network and all its parts into evaluation mode, and each back into what it was."""
    before = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in before:
            module.training = training


def device_problem(device: Any) -> str | None:
    """Return why networks cannot run on a device ("cpu", "cuda", "cuda:1"), or None where they can."""
    try:
        kind = torch.device(device).type
        torch.empty(0, device=device)
    except (AssertionError, RuntimeError, TypeError) as problem:
        return f"{str(problem).partition(chr(10))[0]}; take 'cpu', or a device that this machine has."
    if kind == "meta":
        return "it holds no numbers; take 'cpu', or a device that this machine has."
    return None


def in_its_precision(network: nn.Module, x: Tensor) -> Tensor:
    """Return what goes into a network, x (B, ...) float, in the precision of the network's first numbers."""
    for one in chain(network.parameters(), network.buffers()):
        if one.is_floating_point():
            return x.to(one.dtype)
    return x


def as_input(pictures: Pictures, device: str = "cpu") -> Tensor:
    """Return pictures (B, H, W, 3) uint8 as float32 (B, 3, H, W) in [0, 1]; floats (B, ...) as they are."""
    rows = pictures if isinstance(pictures, Tensor) else torch.from_numpy(np.ascontiguousarray(pictures))
    rows = rows.to(device)
    if rows.dtype == torch.uint8 and rows.ndim == 4 and rows.shape[3] == 3:
        return rows.permute(0, 3, 1, 2).float() / 255
    if not rows.is_floating_point() or rows.ndim < 2:
        raise NetworkError(
            f"a network got pictures of shape {tuple(rows.shape)} and {rows.dtype}; it takes uint8 "
            "(N, H, W, 3), or floats (N, ...) as it wants them."
        )
    return rows.float()
