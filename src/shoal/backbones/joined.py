"""Several backbones as one: every layer of each, in one pass over the images."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shoal.types import Backbone, Layer, ShoalError


def added_name(backbone: str, layer: str) -> str:
    """Return what a layer is called in a workspace that its backbone was added to."""
    return f"{backbone}.{layer}"


def own_name(layer: str) -> str:
    """Return what a layer of a workspace is called in its own backbone."""
    return layer.rpartition(".")[2]


class Renamed:
    """A backbone whose layers, early to late, have other names."""

    def __init__(self, backbone: Backbone, names: Sequence[str]) -> None:
        self._backbone, self._names = backbone, tuple(names)
        self.name, self.fingerprint = backbone.name, backbone.fingerprint
        self.image_input = backbone.image_input

    def layers(self) -> list[Layer]:
        """List the layers under their new names."""
        return [
            Layer(name, layer.width, layer.sees)
            for name, layer in zip(self._names, self._backbone.layers(), strict=True)
        ]

    def embed(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Map images (B, H, W, 3) to each layer's pooled activations (B, D)."""
        found = self._backbone.embed(images)
        return {
            name: found[layer.name] for name, layer in zip(self._names, self._backbone.layers(), strict=True)
        }


class Joined:
    """Backbones that take the same images, as one; the first gives name and fingerprint.

    Raises `ShoalError` where one takes other images.
    """

    def __init__(self, backbones: Sequence[Backbone]) -> None:
        first = backbones[0]
        for other in backbones:
            if other.image_input != first.image_input:
                raise ShoalError(
                    f"{other.name} takes images of {other.image_input}, {first.name} of {first.image_input}: "
                    "they cannot fill one workspace. Map the pile --into another."
                )
        self._backbones = tuple(backbones)
        self.name, self.fingerprint, self.image_input = first.name, first.fingerprint, first.image_input

    def layers(self) -> list[Layer]:
        """List the layers of all, one backbone after the other."""
        return [layer for backbone in self._backbones for layer in backbone.layers()]

    def embed(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Map images (B, H, W, 3) to each layer's pooled activations (B, D)."""
        return {
            name: vectors for backbone in self._backbones for name, vectors in backbone.embed(images).items()
        }
