"""Frozen features: every layer of a backbone for every picture, computed once, shared by all experiments."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments.data.pictures import Pictures
from experiments.running import alone, case_cache, progress
from shoal.backbones import BACKBONES
from shoal.images.decode import decode
from shoal.types import Backbone

BLOCK = 32
EVERY = 2_048
"""How many pictures one file of the cache holds: what a killed run loses at most."""
Layers = dict[str, NDArray[np.float16]]


def of_pictures(name: str, pictures: Pictures, *, backbone: str = "efficientnet_lite0") -> Layers:
    """Return every layer (N, D) float16 of every picture, from the cache where they are in it."""
    return frozen(name, lambda: (_png(each) for each in pictures.pixels), len(pictures), backbone=backbone)


def of_files(name: str, files: Iterable[Path], *, backbone: str = "efficientnet_lite0") -> Layers:
    """Return every layer (N, D) float16 of every picture file, from the cache where they are in it."""
    paths = list(files)
    return frozen(name, lambda: (path.read_bytes() for path in paths), len(paths), backbone=backbone)


def frozen(name: str, encoded: Callable[[], Iterator[bytes]], count: int, *, backbone: str) -> Layers:
    """Return every layer (N, D) float16 of `count` encoded pictures, decoded as `shoal map` decodes them.

    `name` tells the cache which pictures they are: other pictures need another name.
    """
    network = BACKBONES.load(backbone)()
    mark = hashlib.sha256(network.fingerprint.encode()).hexdigest()[:12]
    folder = case_cache() / "features" / f"{name}-{count}-{backbone}-{mark}"
    files = [folder / f"{start:07}.npz" for start in range(0, count, EVERY)]
    if not all(file.exists() for file in files):
        with alone(folder):
            _fill(name, files, encoded(), count, network)
    parts: list[Layers] = []
    for file in files:
        with np.load(file, allow_pickle=False) as stored:
            parts.append({layer: stored[layer] for layer in stored.files})
    return {layer: np.concatenate([part[layer] for part in parts]) for layer in parts[0]}


def _fill(name: str, files: list[Path], encoded: Iterator[bytes], count: int, network: Backbone) -> None:
    for file, start in zip(files, range(0, count, EVERY), strict=True):
        size = min(EVERY, count - start)
        block = [next(encoded) for _ in range(size)]
        if not file.exists():
            progress(f"{name}: embedding {start:,} to {start + size:,} of {count:,}")
            half = file.with_suffix(".half.npz")
            np.savez(half, **_embed(network, block))  # type: ignore[arg-type]  # names are layers, not options
            half.replace(file)


def _embed(network: Backbone, encoded: list[bytes]) -> Layers:
    found: dict[str, list[NDArray[np.float16]]] = {}
    for start in range(0, len(encoded), BLOCK):
        block = encoded[start : start + BLOCK]
        pixels = np.stack([decode(data, image_input=network.image_input).pixels for data in block])
        for layer, vectors in network.embed(pixels).items():
            found.setdefault(layer, []).append(vectors.astype(np.float16))
    return {layer: np.concatenate(each) for layer, each in found.items()}


def _png(pixels: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    out = BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=1)
    return out.getvalue()
