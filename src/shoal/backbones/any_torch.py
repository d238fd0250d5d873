"""Any torch network of one's own, served as a backbone: its layers are the modules that are named."""

import hashlib
import json
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from shoal.networks import as_input, evaluating, in_its_precision, part, pooled, watching
from shoal.types import ImageInput, Layer, ShoalError


class TorchBackbone:
    """A torch network from pictures (B, 3, size, size) in [0, 1], and its modules that are layers.

    An output (B, D) is taken as it is, of maps (B, D, h, w) the mean over positions. `layers` are names as in
    `network.named_modules()`, early to late. Raises `NetworkError` for a name that there is not.
    """

    def __init__(
        self, network: nn.Module, layers: Sequence[str], *, size: int, resize: int | None = None, name: str
    ) -> None:
        if not layers:
            raise ShoalError("TorchBackbone got no layers; name the modules whose outputs are to be kept.")
        for one in layers:
            part(network, one)
        self.name, self.image_input = name, ImageInput(size, resize or size)
        self._network, self._names = network, list(layers)
        self._widths: dict[str, int] | None = None
        facts = json.dumps([self._names, size, self.image_input.resize, type(network).__name__])
        digest = hashlib.sha256(facts.encode())
        for key, tensor in network.state_dict().items():
            exact = tensor.detach().cpu()  # numpy knows no bfloat16, all of which float32 holds
            exact = exact.float() if exact.dtype == torch.bfloat16 else exact
            digest.update(key.encode() + exact.numpy().tobytes())
        self.fingerprint = digest.hexdigest()

    def layers(self) -> list[Layer]:
        """List the layers in the order they were named in."""
        if self._widths is None:
            size = self.image_input.size
            vectors = self.embed(np.zeros((1, size, size, 3), np.uint8))
            self._widths = {name: rows.shape[1] for name, rows in vectors.items()}
        return [Layer(name, width, f"the output of {name}") for name, width in self._widths.items()]

    @torch.no_grad()
    def embed(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Map images (B, size, size, 3) uint8 to each layer (B, D) float32; `ShoalError` on another shape.

        Every picture runs alone, so that its vector does not depend on the others.
        """
        size = self.image_input.size
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != (size, size, 3):
            raise ShoalError(
                f"backbone {self.name!r} takes uint8 pictures (N, {size}, {size}, 3); got {images.dtype} "
                f"{images.shape}. Decode them with its image_input."
            )
        rows: dict[str, list[NDArray[np.float32]]] = {name: [] for name in self._names}
        with evaluating(self._network), watching(self._network, self._names) as seen:
            for number in range(len(images)):
                self._network(in_its_precision(self._network, as_input(images[number : number + 1])))
                for name, output in seen.items():
                    rows[name].append(pooled(output).float().numpy())
        return {name: np.concatenate(found) for name, found in rows.items()}
