"""What the layers of a network say of pictures: pooled, as maps, or flattened to fewer numbers."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from shoal import networks
from shoal.arrays import is_whole
from shoal.introspection.checked import Floats, IntrospectionError, array_of, check_count
from shoal.introspection.components import HELD, Holding, Passing, exact, is_exact
from shoal.introspection.modules import check_network
from shoal.networks import Pictures, as_input, evaluating, in_its_precision, up_to, watching


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
    check_count("activations()", "batch", batch)
    pictures = _checked("activations()", network, pictures, layers, device)
    found: dict[str, list[Floats]] = {name: [] for name in layers}
    blocks = -(-len(pictures) // batch)
    for outputs in _passes(network, pictures, layers, blocks, device):
        for name, output in outputs.items():
            rows = networks.pooled(output) if pooled else output
            found[name].append(rows.float().cpu().numpy())
    return {name: np.concatenate(rows) for name, rows in found.items()}


def flatten(maps: ArrayLike, components: int | None = None, *, seed: int = 0) -> Floats:
    """Return maps (N, C, H, W) as rows (N, C * H * W), or their principal components (N, `components`).

    Where averaging over positions forgets what lies where, this keeps it. The components are exact where N or
    C * H * W is at most 4,096 and both together at most 2^25; beyond that scikit-learn finds them, by random
    projections drawn with `seed` where they are few. Raises `IntrospectionError` unless
    1 <= components <= min(N, C * H * W).
    """
    array = array_of("flatten()", "maps", maps)
    if array.ndim < 2 or 0 in array.shape or array.dtype.kind not in "fiu":
        raise IntrospectionError(
            f"flatten() got maps of shape {array.shape} and {array.dtype}; it takes numbers (N, C, H, W)."
        )
    rows = np.ascontiguousarray(array.reshape(len(array), -1), np.float32)
    if components is None:
        return rows
    _check_components("flatten()", components, *rows.shape)
    check_count("flatten()", "seed", seed, 0)
    if not np.isfinite(rows).all():
        raise IntrospectionError(
            "flatten() got NaN or infinite maps, which have no components; leave them out."
        )
    if is_exact(*rows.shape):
        return exact(rows, components)
    from sklearn.decomposition import PCA

    reduced: Floats = PCA(components, random_state=seed % 2**32).fit_transform(rows).astype(np.float32)
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

    Exact, in one pass over the pictures, where N or C * H * W is at most 4,096 and both together at most 2^25
    by the number of layers. Beyond that two passes: one finds the components incrementally (Ross et al.
    2008), one projects; of several that have about the same variance it finds others than the exact ones
    (docs/introspection.md has numbers). `side` averages maps larger than side x side to that size first:
    early layers have a million numbers a picture. Raises `IntrospectionError` unless
    1 <= components <= min(N, C * H * W).
    """
    pictures = _checked("flattened()", network, pictures, layers, device)
    check_count("flattened()", "batch", batch)
    check_count("flattened()", "side", 1 if side is None else side)
    n = len(pictures)
    _check_components("flattened()", components, n)
    reducers: dict[str, Holding | Passing] = {}
    # every block must hold as many pictures as there are components
    blocks = max(1, n // max(batch, components))
    for outputs in _passes(network, pictures, layers, blocks, device):
        for name, output in outputs.items():
            rows = _rows(output, side)
            if name not in reducers:
                _check_components(f"flattened() at layer {name!r}", components, n, rows.shape[1])
                fits = is_exact(n, rows.shape[1], HELD // len(layers))
                reducers[name] = Holding(components) if fits else Passing(components)
            reducers[name].add(rows)
    found = {name: held.reduced() for name, held in reducers.items() if isinstance(held, Holding)}
    passing = {name: each for name, each in reducers.items() if isinstance(each, Passing)}
    parts: dict[str, list[Floats]] = {name: [] for name in passing}
    if passing:
        for outputs in _passes(network, pictures, list(passing), blocks, device):
            for name, output in outputs.items():
                parts[name].append(passing[name].reduced(_rows(output, side)))
    found |= {name: np.concatenate(rows) for name, rows in parts.items()}
    return {name: found[name] for name in layers}


def _checked(
    who: str, network: nn.Module, pictures: Pictures, layers: Sequence[str], device: str
) -> Pictures:
    """Return the pictures as a tensor or an array of a usual dtype; raise `IntrospectionError` otherwise."""
    check_network(who, network, layers, device)
    given = pictures if isinstance(pictures, Tensor) else array_of(who, "pictures", pictures)
    if isinstance(given, Tensor):
        usual = given.layout is torch.strided and given.device.type != "meta"
        usual = usual and (given.dtype == torch.uint8 or given.is_floating_point())
    else:
        usual = given.dtype == np.uint8 or given.dtype.kind == "f"
    if not usual or given.ndim < 2 or not len(given) or not layers:
        raise IntrospectionError(
            f"{who} got {len(given) if given.ndim else 0} pictures of shape {tuple(given.shape)[1:]} and "
            f"{given.dtype}, and {len(layers)} layers; "
            "it takes uint8 (N, H, W, 3), or floats (N, ...) as the network wants them, and at least a layer."
        )
    if isinstance(given, Tensor):
        return given.detach()
    return given if given.dtype == np.uint8 else given.astype(np.float32, copy=False)


def _passes(
    network: nn.Module, pictures: Pictures, layers: Sequence[str], blocks: int, device: str
) -> Iterator[dict[str, Tensor]]:
    """Yield each layer's output for every block of pictures, all blocks of about the same size."""
    network = up_to(network, layers).to(device)
    edges = np.linspace(0, len(pictures), blocks + 1).astype(int)
    with evaluating(network), torch.no_grad(), watching(network, layers) as seen:
        for start, stop in pairwise(edges):
            rows = as_input(pictures[start:stop], device)
            try:
                network(in_its_precision(network, rows))
            except RuntimeError as problem:
                raise IntrospectionError(
                    f"the network does not take pictures of shape {tuple(rows.shape)}: {problem}"
                ) from problem
            missing = [name for name in layers if name not in seen]
            if missing:
                raise IntrospectionError(f"the network never runs its layer {missing[0]!r}; choose another.")
            yield dict(seen)
            seen.clear()


def _rows(output: Tensor, side: int | None) -> Floats:
    if side is not None and output.ndim == 4 and min(output.shape[2:]) > side:
        output = nn.functional.adaptive_avg_pool2d(output, side)
    rows: Floats = output.flatten(1).float().cpu().numpy()
    if not np.isfinite(rows).all():
        raise IntrospectionError(
            "flattened() met NaN or infinite values in a layer's output; look for broken pictures or weights."
        )
    return rows


def _check_components(who: str, components: int, *limits: int) -> None:
    if not is_whole(components) or not 1 <= components <= min(limits):
        raise IntrospectionError(
            f"{who} got components={components}; it takes 1 to {min(limits)}, as many as there are pictures "
            "and numbers a picture at most."
        )
