"""What the layers of a network say of pictures: pooled, as maps, or flattened to fewer numbers."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shoal import networks
from shoal.introspection.checked import Floats, IntrospectionError
from shoal.networks import Pictures, as_input, evaluating, up_to, watching


def activations(
    network: nn.Module,
    pictures: Pictures,
    layers: Sequence[str],
    *,
    pooled: bool = False,
    batch: int = 32,
    device: str = "cpu",
) -> dict[str, Floats]:
    """Return each layer's output for all pictures: float32 maps (N, C, H, W), or means (N, C) if `pooled`.

    `layers` are names of modules (`network.named_modules()`); `pictures` are (N, H, W, 3) uint8 or what the
    network takes. The network runs in evaluation mode, and is left as it was. Raises `NetworkError` for a
    name that there is not.
    """
    found: dict[str, list[Floats]] = {name: [] for name in layers}
    blocks = -(-len(pictures) // batch)
    for outputs in _passes(network, pictures, layers, blocks, device):
        for name, output in outputs.items():
            rows = networks.pooled(output) if pooled else output
            found[name].append(rows.float().cpu().numpy())
    return {name: np.concatenate(rows) for name, rows in found.items()}


def flatten(maps: NDArray[Any], components: int | None = None, *, seed: int = 0) -> Floats:
    """Return maps (N, C, H, W) as rows (N, C * H * W), or their principal components (N, `components`).

    Where averaging over positions forgets what lies where, this keeps it. Raises `IntrospectionError` unless
    1 <= components <= min(N, C * H * W).
    """
    if maps.ndim < 2 or not len(maps):
        raise IntrospectionError(f"flatten() got maps of shape {maps.shape}; it takes (N, C, H, W).")
    rows = np.ascontiguousarray(maps.reshape(len(maps), -1), np.float32)
    if components is None:
        return rows
    _check_components("flatten()", components, *rows.shape)
    from sklearn.decomposition import PCA

    reduced: Floats = PCA(components, random_state=seed).fit_transform(rows).astype(np.float32)
    return reduced


def flattened(
    network: nn.Module,
    pictures: Pictures,
    layers: Sequence[str],
    components: int,
    *,
    side: int | None = None,
    batch: int = 64,
    device: str = "cpu",
) -> dict[str, Floats]:
    """Return the principal components (N, `components`) of each layer's flattened maps, batch by batch.

    Two passes over the pictures: one finds the components incrementally (Ross et al. 2008), one projects.
    `side` averages maps larger than side x side to that size first: early layers have a million numbers a
    picture. Raises `IntrospectionError` unless 1 <= components <= min(N, C * H * W).
    """
    from sklearn.decomposition import IncrementalPCA

    n = len(pictures)
    _check_components("flattened()", components, n)
    reducers = {name: IncrementalPCA(components) for name in layers}
    # every block must hold as many pictures as there are components
    blocks = max(1, n // max(batch, components))
    for outputs in _passes(network, pictures, layers, blocks, device):
        for name, output in outputs.items():
            rows = _rows(output, side)
            _check_components(f"flattened() at layer {name!r}", components, n, rows.shape[1])
            reducers[name].partial_fit(rows)
    found: dict[str, list[Floats]] = {name: [] for name in layers}
    for outputs in _passes(network, pictures, layers, blocks, device):
        for name, output in outputs.items():
            found[name].append(reducers[name].transform(_rows(output, side)).astype(np.float32))
    return {name: np.concatenate(rows) for name, rows in found.items()}


def _passes(
    network: nn.Module, pictures: Pictures, layers: Sequence[str], blocks: int, device: str
) -> Iterator[dict[str, Tensor]]:
    """Yield each layer's output for every block of pictures, all blocks of about the same size."""
    if not len(pictures) or not layers:
        raise IntrospectionError(f"there are {len(pictures)} pictures and {len(layers)} layers; one of each.")
    network = up_to(network, layers).to(device)
    edges = np.linspace(0, len(pictures), blocks + 1).astype(int)
    with evaluating(network), torch.no_grad(), watching(network, layers) as seen:
        for start, stop in pairwise(edges):
            network(as_input(pictures[start:stop], device))
            missing = [name for name in layers if name not in seen]
            if missing:
                raise IntrospectionError(f"the network never runs its layer {missing[0]!r}; choose another.")
            yield dict(seen)
            seen.clear()


def _rows(output: Tensor, side: int | None) -> Floats:
    if side is not None and output.ndim == 4 and min(output.shape[2:]) > side:
        output = nn.functional.adaptive_avg_pool2d(output, side)
    rows: Floats = output.flatten(1).float().cpu().numpy()
    return rows


def _check_components(who: str, components: int, *limits: int) -> None:
    if not 1 <= components <= min(limits):
        raise IntrospectionError(
            f"{who} got components={components}; it takes 1 to {min(limits)}, as many as there are pictures "
            "and numbers a picture at most."
        )
