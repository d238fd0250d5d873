"""A small convolutional network whose every block can be read, and pictures of what it looks at."""

import base64
import zlib

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shoal.clustering import CropAndFlip, Sobel

CHANNELS = (16, 32, 64)


class Small(nn.Module):
    """Sobel edges, three blocks of convolution, normalisation, ReLU and halving, one dense layer (B, 64)."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.sobel = Sobel()
        blocks = []
        for before, after in zip((2, *CHANNELS), CHANNELS, strict=False):
            convolution = nn.Conv2d(before, after, 5 if before == 2 else 3, padding="same")
            blocks.append(nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)))
        self.blocks = nn.ModuleList(blocks)
        self.last = nn.Linear(CHANNELS[-1] * (side // 8) ** 2, 64)

    def forward(self, x: Tensor) -> Tensor:
        """Map pictures (B, 1, H, W) to features (B, 64), before any ReLU."""
        z: Tensor = self.last(self.maps(x)[-1].flatten(1))
        return z

    def maps(self, x: Tensor) -> list[Tensor]:
        """Return what each block makes of pictures (B, 1, H, W)."""
        found = []
        x = self.sobel(x)
        for block in self.blocks:
            x = block(x)
            found.append(x)
        return found


def begin(seed: int, side: int) -> Small:
    """Return a network for pictures (B, 1, side, side) with the first numbers of this seed."""
    torch.manual_seed(seed)
    return Small(side)


def first_filters(network: Small) -> NDArray[np.float32]:
    """Return the first block's filters (C, 2, 5, 5); they are the first numbers drawn, whatever the side."""
    convolution = network.get_submodule("blocks.0.0")
    assert isinstance(convolution, nn.Conv2d)
    return convolution.weight.detach().numpy()


def as_input(pixels: NDArray[np.uint8]) -> Tensor:
    """Return pixels (N, H, W) as (N, 1, H, W), mean 0 and deviation 1 over the whole set."""
    x = torch.from_numpy(pixels.astype(np.float32))[:, None]
    return (x - x.mean()) / x.std()


def views(least: float = 0.5) -> nn.Module:
    """Return what the network sees in training: crops of at least this share, mirrored half the time."""
    made: nn.Module = CropAndFlip(least)
    return made


@torch.no_grad()
def layers(network: Small, x: Tensor) -> dict[str, NDArray[np.float32]]:
    """Return every block's maps, averaged to 2 x 2 and laid out (N, 4 C), and the features (N, 64)."""
    network.eval()
    found: dict[str, list[Tensor]] = {}
    for block in torch.split(x, 1_000):
        for number, maps in enumerate(network.maps(block), start=1):
            found.setdefault(f"conv{number}", []).append(
                nn.functional.adaptive_avg_pool2d(maps, 2).flatten(1)
            )
        found.setdefault("features", []).append(network(block))
    return {name: torch.cat(parts).numpy() for name, parts in found.items()}


@torch.no_grad()
def exciting(network: Small, x: Tensor, pixels: NDArray[np.uint8], *, units: int, each: int) -> str:
    """Return the pictures that excite the last block's first units most, packed (units, each, H, W)."""
    network.eval()
    highest = torch.cat([network.maps(block)[-1].amax(dim=(2, 3)) for block in torch.split(x, 1_000)])
    rows = highest[:, :units].topk(each, dim=0).indices.T.numpy()
    return pack(pixels[rows])


def pack(array: NDArray[np.uint8]) -> str:
    """Return bytes as text."""
    return base64.b85encode(zlib.compress(array.tobytes(), 9)).decode()


def unpack(text: str, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return what `pack` packed."""
    return np.frombuffer(zlib.decompress(base64.b85decode(text)), np.uint8).reshape(shape)
