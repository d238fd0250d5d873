"""The convolutional network of the few-shot papers, and how it is trained on episodes."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from experiments.data import Pictures
from shoal.losses import LOSSES
from shoal.samplers import Episodes

LOSSES_OF: dict[str, tuple[str, dict[str, Any]]] = {
    "prototypical": ("prototypical", {"shots": 1}),
    "relation": ("relation", {"shots": 1}),
    "matching": ("nt-xent", {"temperature": 0.1}),
    "silhouette": ("silhouette", {"distance": "squared"}),
}
"""The loss of each kind of episode: a row of `LOSSES` and its settings."""


def network(channels: int) -> nn.Sequential:
    """Return four blocks of convolution, normalisation, ReLU and halving: (B, 1, 28, 28) -> (B, channels)."""
    blocks: list[nn.Module] = []
    before = 1
    for _ in range(4):
        blocks += [
            nn.Conv2d(before, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
        before = channels
    return nn.Sequential(*blocks, nn.Flatten())


def as_input(pixels: NDArray[np.uint8]) -> Tensor:
    """Return pixels (N, H, W) as (N, 1, H, W) float in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).float()[:, None] / 255.0


def train(
    pictures: Pictures, method: str, *, channels: int, ways: int, queries: int, episodes: int, seed: int
) -> tuple[nn.Module, nn.Module]:
    """Return the network and the loss, trained with Adam at 1e-3, halved twice, on 1-shot episodes."""
    torch.manual_seed(seed)
    loss = _built(method, channels)
    body = network(channels).train()
    optimiser = torch.optim.Adam([*body.parameters(), *loss.parameters()], lr=1e-3)
    falling = torch.optim.lr_scheduler.StepLR(optimiser, max(1, episodes // 3), gamma=0.5)
    labels = torch.from_numpy(pictures.labels)
    for batch in Episodes(pictures.labels, ways=ways, shots=1, queries=queries, episodes=episodes, seed=seed):
        optimiser.zero_grad()
        value = loss(body(as_input(pictures.pixels[batch])), labels[batch])
        value.backward()
        optimiser.step()
        falling.step()
    return body.eval(), loss.eval()


@torch.no_grad()
def embed(body: nn.Module, pictures: Pictures) -> Tensor:
    """Return the embeddings (N, d) of all pictures."""
    return torch.cat(
        [body(as_input(block)) for block in np.array_split(pictures.pixels, 1 + len(pictures) // 500)]
    )


@torch.no_grad()
def accuracy(
    z: Tensor,
    labels: NDArray[np.int64],
    method: str,
    loss: nn.Module,
    *,
    ways: int,
    shots: int,
    episodes: int,
    seed: int,
) -> float:
    """Return the share of queries named right over test episodes of `ways` classes and `shots` examples."""
    right = []
    for batch in Episodes(labels, ways=ways, shots=shots, queries=5, episodes=episodes, seed=seed):
        support = z[batch[: ways * shots]].reshape(ways, shots, -1)
        queries = z[batch[ways * shots :]]
        found = _scores(method, loss, support, queries).argmax(dim=1)
        right.append(float((found == torch.arange(ways).repeat_interleave(5)).float().mean()))
    return float(np.mean(right))


def _scores(method: str, loss: Any, support: Tensor, queries: Tensor) -> Tensor:
    """Return how well each query (Q, d) fits each class of the support (W, S, d): (Q, W)."""
    means = support.mean(dim=1)
    if method == "relation":
        scores: Tensor = loss.relations(queries, means.expand(len(queries), -1, -1))
        return scores
    if method == "matching":
        # Vinyals et al. (2016): softmax attention over cosines, its weights added up class by class
        cosines = (
            nn.functional.normalize(queries, dim=1) @ nn.functional.normalize(support.flatten(0, 1), dim=1).T
        )
        return torch.softmax(cosines / 0.1, dim=1).reshape(len(queries), *support.shape[:2]).sum(dim=2)
    return -torch.cdist(queries, means)


def _built(method: str, width: int) -> nn.Module:
    row, settings = LOSSES_OF[method]
    made: nn.Module = (
        LOSSES.load(row)(width, **settings) if row == "relation" else LOSSES.load(row)(**settings)
    )
    return made
