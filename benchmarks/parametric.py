"""A parametric map, measured by living.py: a network from vectors to the plane, trained on a graph.

It is t-SNE's graph under the contrastive loss of InfoNC-t-SNE (Damrich et al. 2023): each far end of an edge
is to be told from all others of the batch by 1 / (1 + d^2). Labelled items add the silhouette loss. What it
came to is in docs/rounds-log.md; Shoal's own maps do not use it.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shoal.losses.distance import squared_euclidean
from shoal.losses.silhouette import SilhouetteLoss
from shoal.projectors.affinities import Graph

BATCH = 512
CLASSES, ITEMS = 16, 8
WARMUP = 20
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


class Parametric(nn.Module):
    """width -> 256 -> 256 -> 16 -> 2; `deep` is the 16, which t-SimCNE's annealing trains first."""

    def __init__(self, width: int, *, hidden: int = 256, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.deep = nn.Sequential(
            nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(), nn.Linear(hidden, 16)
        )
        self.plane = nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (N, width) to (N, 2)."""
        return self.plane(self.deep(x))

    @torch.no_grad()
    def place(self, x: Floats) -> Floats:
        """Map x (N, width) to positions (N, 2) by one forward pass."""
        return self(torch.from_numpy(x)).numpy()

    @torch.no_grad()
    def face(self, x: Floats, target: Floats) -> None:
        """Set the last layer so that the 16 numbers of x (N, width) lie best on `target` (N, 2)."""
        deep = self.deep(torch.from_numpy(x))
        ones = torch.ones(len(deep), 1)
        found = torch.linalg.lstsq(torch.cat([deep, ones], dim=1), torch.from_numpy(target)).solution
        self.plane.weight.copy_(found[:-1].T)
        self.plane.bias.copy_(found[-1])


def distil(network: Parametric, x: Floats, target: Floats, *, steps: int, seed: int = 0) -> None:
    """Teach the network the map `target` (N, 2), in t-SNE's units, of x (N, width)."""
    draw = np.random.default_rng(seed)
    inputs, places = torch.from_numpy(x), torch.from_numpy(target)
    for optimiser in _descent(network, steps, 2e-3):
        at = torch.from_numpy(draw.integers(len(x), size=BATCH))
        nn.functional.smooth_l1_loss(network(inputs[at]), places[at]).backward()
        optimiser.step()


def neighbour_embedding(
    network: Parametric,
    x: Floats,
    graph: Graph,
    labels: Ints,
    *,
    steps: int,
    weight: float,
    deep: bool = False,
    seed: int = 0,
) -> None:
    """Train on the edges of `graph` over x (N, width), and `weight` times the silhouette of labels (N,).

    With `deep` the 16 numbers before the plane are trained instead of the plane.
    """
    draw = np.random.default_rng(seed)
    inputs, apply = torch.from_numpy(x), network.deep if deep else network
    edges = graph.upper.tocoo()
    chances = np.cumsum(edges.data, dtype=np.float64)
    labelled = _Labelled(labels)
    itself = torch.zeros(BATCH, 2 * BATCH)
    itself.fill_diagonal_(-torch.inf)
    silhouette = SilhouetteLoss(distance="squared")
    for optimiser in _descent(network, steps, 1e-3):
        drawn = np.searchsorted(chances, draw.random(BATCH) * chances[-1])
        ends = np.stack([edges.row[drawn], edges.col[drawn]])
        swapped = draw.random(BATCH) < 0.5
        ends[:, swapped] = ends[::-1, swapped]
        known, classes = labelled.batch(draw)
        z = apply(inputs[torch.from_numpy(np.concatenate([*ends, known]).astype(np.int64))])
        both = z[: 2 * BATCH]
        near = -torch.log1p(squared_euclidean(both[:BATCH], both))
        loss = (torch.logsumexp(near + itself, dim=1) - near.diagonal(BATCH)).mean()
        if weight and len(known):
            loss = loss + weight * silhouette(z[2 * BATCH :], torch.from_numpy(classes))
        loss.backward()
        optimiser.step()


class _Labelled:
    """Draws batches of the labelled items: up to 16 classes, 8 items each."""

    def __init__(self, labels: Ints) -> None:
        found, counts = np.unique(labels[labels >= 0], return_counts=True)
        self.rows = {k: np.flatnonzero(labels == k) for k in found[counts > 1]}

    def batch(self, draw: np.random.Generator) -> tuple[Ints, Ints]:
        if len(self.rows) < 2:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        classes = draw.permutation(np.array(list(self.rows)))[:CLASSES]
        return np.concatenate([draw.choice(self.rows[k], ITEMS) for k in classes]), classes.repeat(ITEMS)


def _descent(network: nn.Module, steps: int, rate: float) -> Iterator[Any]:
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-4, fused=True)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1, (step + 1) / WARMUP) * 0.5 * (1 + np.cos(np.pi * step / steps))
        optimiser.zero_grad()
        yield optimiser
