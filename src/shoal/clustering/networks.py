"""What the methods that train a network share: items in memory, batches, seeds, and the network's mode."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shoal.arrays import as_array
from shoal.clustering.base import ClusteringError, Labels
from shoal.networks import device_problem, evaluating, in_its_precision

Items = NDArray[Any] | Tensor
"""N items in memory (or memory-mapped): vectors (N, D), images (N, C, H, W), or what the network takes."""


def checked_items(who: str, items: Items, batch: int) -> Items:
    """Return items (N, ...); raise `ClusteringError` unless they are numbers, N > 0 and all finite."""
    try:
        array = items if isinstance(items, Tensor) else as_array(items)
    except ValueError as problem:
        raise ClusteringError(f"clustering {who} got items that are no array: {problem}") from problem
    numbers = isinstance(array, Tensor) or array.dtype.kind in "fiu"
    if not numbers or array.ndim < 2 or 0 in array.shape:
        raise ClusteringError(
            f"clustering {who} got items of shape {tuple(array.shape)} and type {array.dtype}; "
            "it takes numbers (N, ...), one row an item, at least one row."
        )
    for at in range(0, len(array), batch):
        rows = _tensor(array[at : at + batch], "cpu").flatten(1).isfinite().all(dim=1)
        if not bool(rows.all()):
            raise ClusteringError(
                f"clustering {who} got items that are not finite (the first: row "
                f"{at + int((~rows).nonzero()[0])}); leave those out."
            )
    return array


def checked_network(who: str, network: Any, device: str) -> None:
    """Raise `ClusteringError` unless the network is a torch module, or None, and the device can be used."""
    if network is not None and not isinstance(network, nn.Module):
        raise ClusteringError(
            f"clustering {who} got a {type(network).__name__} for a network; it takes a torch.nn.Module."
        )
    problem = device_problem(device)
    if problem is not None:
        raise ClusteringError(f"clustering {who} got device={device!r}: {problem}")


def take(items: Items, rows: Labels, device: str) -> Tensor:
    """Return the items at `rows` (B,) as float32 on `device`."""
    return _tensor(items[rows].detach() if isinstance(items, Tensor) else items[rows], device)


def encode(network: nn.Module, items: Items, *, batch: int, device: str, who: str) -> Tensor:
    """Return the network's output (N, d) float32 for all items, on `device`, in evaluation mode.

    Raises `ClusteringError` where the network returns anything but one finite row an item.
    """
    rows = []
    with evaluating(network), torch.no_grad():
        for at in range(0, len(items), batch):
            out = network(in_its_precision(network, _tensor(items[at : at + batch], device)))
            if out.ndim != 2 or len(out) != len(items[at : at + batch]):
                raise ClusteringError(
                    f"clustering {who}: the network returned {tuple(out.shape)} for "
                    f"{len(items[at : at + batch])} items; it must return one row (d,) an item."
                )
            rows.append(out.float())
    z = torch.cat(rows)
    if not bool(z.isfinite().all()):
        raise ClusteringError(
            f"clustering {who}: the network returned NaN or infinite features; lower the learning rate, or "
            "look for a broken input."
        )
    return z


@contextmanager
def seeded(seed: int, device: str) -> Iterator[None]:
    """Seed torch within, and give the random state back as it was."""
    devices = [torch.device(device)] if torch.device(device).type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        yield


def shuffled(items: int, batch: int, rng: np.random.Generator) -> Iterator[Labels]:
    """Yield batches of positions without end, each pass in a new order; all are min(batch, N) long."""
    waiting = rng.permutation(items)
    size = min(batch, items)
    while True:
        if len(waiting) < size:
            waiting = np.concatenate([waiting, rng.permutation(items)])
        yield waiting[:size]
        waiting = waiting[size:]


def _tensor(rows: Items, device: str) -> Tensor:
    return torch.as_tensor(rows).to(device=device, dtype=torch.float32)
