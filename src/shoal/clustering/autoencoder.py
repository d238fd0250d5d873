"""The autoencoder that DEC and IDEC start from when no encoder is given."""

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn

from shoal.clustering.base import ClusteringError, Labels
from shoal.clustering.networks import Items, take
from shoal.types import Progress, Watch


class Autoencoder(nn.Module):
    """Fully connected, mirrored, ReLU between the layers, none on the code or the output (Xie 2016, 3.4).

    `hidden` are the widths between D and the code, e.g. "500-500-2000".
    """

    def __init__(self, dimensions: int, hidden: str, width: int) -> None:
        super().__init__()
        widths = [dimensions, *layers(hidden), width]
        self.encoder = _stack(widths)
        self.decoder = _stack(widths[::-1])

    def forward(self, x: Tensor) -> Tensor:
        """Return the reconstruction (B, D) of x (B, D)."""
        reconstructed: Tensor = self.decoder(self.encoder(x))
        return reconstructed


def layers(hidden: str) -> list[int]:
    """Return the widths in e.g. "500-500-2000", none in ""; raise `ClusteringError` on anything else."""
    parts = hidden.split("-") if isinstance(hidden, str) and hidden else []
    if not isinstance(hidden, str) or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise ClusteringError(
            f"an autoencoder got hidden={hidden!r}; it takes widths such as '500-500-2000', or ''."
        )
    return [int(part) for part in parts]


def pretrain(
    network: Autoencoder,
    items: Items,
    batches: Iterator[Labels],
    *,
    epochs: int,
    device: str,
    watch: Watch | None,
) -> None:
    """Train the reconstruction of items (N, D) with Adam at 1e-3, all layers at once."""
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    network.train()
    for epoch in range(epochs):
        if watch is not None:
            watch(Progress(epoch, epochs, "training the autoencoder"))
        seen = 0
        while seen < len(items):
            rows = next(batches)
            x = take(items, rows, device)
            optimiser.zero_grad()
            torch.autograd.backward(nn.functional.mse_loss(network(x), x))
            optimiser.step()
            seen += len(rows)


def _stack(widths: list[int]) -> nn.Sequential:
    parts: list[nn.Module] = []
    for before, after in pairwise(widths):
        parts += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*parts[:-1])
