"""A backbone of three colour and edge statistics: instant, without weights, for tests."""

from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from shoal.types import ImageInput, Layer, ShoalError

_SIZE = 32
_CELLS = 4
_ANGLES = 8
_VERSION = 1


class Placeholder:
    """Likeness by colour: pictures of alike colours in alike places get alike vectors.

    `fast` and `threads` are accepted as by every backbone and change nothing.
    """

    name = "placeholder"
    image_input = ImageInput(size=_SIZE, resize=_SIZE)
    fingerprint = sha256(f"placeholder {_VERSION} {_SIZE} {_CELLS} {_ANGLES}".encode()).hexdigest()

    def __init__(self, *, fast: bool = False, threads: int | None = None) -> None:
        del fast, threads

    def layers(self) -> list[Layer]:
        """List the layers: mean colour, strength of edges by direction, colours on a 4 x 4 grid."""
        return [
            Layer("colour", 3, "the mean colour"),
            Layer("edges", _ANGLES, "how strong edges are in each direction"),
            Layer("grid", 3 * _CELLS**2, "which colour lies where"),
        ]

    def embed(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Map images (B, 32, 32, 3) uint8 RGB to each layer (B, D) float32; `ShoalError` on another shape."""
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != (_SIZE, _SIZE, 3):
            raise ShoalError(
                f"backbone 'placeholder' takes uint8 pictures (N, {_SIZE}, {_SIZE}, 3); "
                f"got {images.dtype} {images.shape}. Decode them with its image_input."
            )
        cells = images.reshape(len(images), _CELLS, _SIZE // _CELLS, _CELLS, _SIZE // _CELLS, 3)
        grid = (cells.mean(axis=(2, 4), dtype=np.float64) / 255).astype(np.float32)
        return {
            "colour": grid.mean(axis=(1, 2)),
            "edges": _edges(images),
            "grid": grid.reshape(len(images), 3 * _CELLS**2),
        }


def _edges(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Sum the gradients of brightness (B, 32, 32) by direction: (B, 8), on a scale of about 0 to 1."""
    grey = images.mean(axis=3, dtype=np.float64) / 255
    down, right = np.gradient(grey, axis=(1, 2))
    # An edge has a direction but no sign: half a turn covers all.
    angle = np.arctan2(down, right) % np.pi
    sector = np.minimum(angle / np.pi * _ANGLES, _ANGLES - 1).astype(np.int64)
    strength = np.hypot(down, right)
    sums = [np.where(sector == k, strength, 0).mean(axis=(1, 2)) for k in range(_ANGLES)]
    return np.stack(sums, axis=1).astype(np.float32)
