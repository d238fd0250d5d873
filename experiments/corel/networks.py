"""The networks of the COREL paper, trained with Adam; what comes before the loss is the representation."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shoal.losses import ClassLoss

BATCH = 128


@dataclass(frozen=True)
class Data:
    """What trains, chooses and tests: inputs (N, ...) and labels (N,) of each."""

    train: tuple[Tensor, Tensor]
    validation: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]
    classes: int
    words: int = 0


def dense(width: int, hidden: int) -> nn.Sequential:
    """Return the FFNN: two hidden layers, the second the representation (B, hidden / 2)."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(width, hidden), nn.LeakyReLU(), nn.Linear(hidden, hidden // 2), nn.LeakyReLU()
    )


def convolutional(side: int, hidden: int) -> nn.Sequential:
    """Return the CNN: 15, 30 and 60 filters, each halved by a maximum, then one dense layer."""
    parts: list[nn.Module] = []
    for before, after in ((1, 15), (15, 30), (30, 60)):
        # the activation rises, so it may come after the maximum: the same numbers, a quarter of the work
        parts += [nn.Conv2d(before, after, 3, padding=1), nn.MaxPool2d(2), nn.LeakyReLU()]
        side //= 2
    body = nn.Sequential(*parts, nn.Flatten(), nn.Linear(60 * side * side, hidden // 2), nn.LeakyReLU())
    return body.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


class Averaged(nn.Module):
    """The FFNN of texts: the mean of the word vectors, two hidden layers. Word vectors are trained along."""

    def __init__(self, words: int, size: int, hidden: int) -> None:
        super().__init__()
        self.vectors = nn.Embedding(words, size, padding_idx=0)
        self.body = dense(size, hidden)

    def forward(self, numbers: Tensor) -> Tensor:
        """Map word numbers (B, L) to representations (B, hidden / 2)."""
        count = (numbers > 0).sum(dim=1, keepdim=True).clamp_min(1)
        mean: Tensor = self.body(self.vectors(numbers).sum(dim=1) / count)
        return mean


class Windows(nn.Module):
    """The CNN of texts: windows of 3, 4 and 5 words, their maxima, one dense layer."""

    def __init__(self, words: int, size: int, hidden: int) -> None:
        super().__init__()
        self.vectors = nn.Embedding(words, size, padding_idx=0)
        self.windows = nn.ModuleList(nn.Conv1d(size, 50, width) for width in (3, 4, 5))
        self.last = nn.Sequential(nn.Linear(150, hidden // 2), nn.LeakyReLU())

    def forward(self, numbers: Tensor) -> Tensor:
        """Map word numbers (B, L) to representations (B, hidden / 2)."""
        x = self.vectors(numbers).transpose(1, 2)
        highest = [nn.functional.leaky_relu(window(x)).amax(dim=2) for window in self.windows]
        z: Tensor = self.last(torch.cat(highest, dim=1))
        return z


def network(kind: str, data: Data, hidden: int) -> nn.Module:
    """Return the "FFNN" or "CNN" that fits the data."""
    if data.words:
        return (Averaged if kind == "FFNN" else Windows)(data.words, 64, hidden)
    side = data.train[0].shape[-1]
    return dense(side * side, hidden) if kind == "FFNN" else convolutional(side, hidden)


def train(body: nn.Module, loss: ClassLoss, data: Data, *, epochs: int, seed: int) -> float:
    """Train in place with Adam at 1e-3; return the best validation accuracy, whose numbers are kept."""
    optimiser = torch.optim.Adam([*body.parameters(), *loss.parameters()], lr=1e-3)
    inputs, labels = data.train
    rng = torch.Generator().manual_seed(seed)
    best, kept = -1.0, None
    for _ in range(epochs):
        body.train()
        loss.train()
        for batch in torch.split(torch.randperm(len(labels), generator=rng), BATCH):
            optimiser.zero_grad()
            torch.autograd.backward(loss(body(inputs[batch]), labels[batch]))
            optimiser.step()
        found = accuracy(body, loss, *data.validation)
        if found > best:
            best, kept = found, [{k: v.clone() for k, v in m.state_dict().items()} for m in (body, loss)]
    for module, state in zip((body, loss), kept or (), strict=False):
        module.load_state_dict(state)
    return best


@torch.no_grad()
def represent(body: nn.Module, inputs: Tensor) -> Tensor:
    """Return the representations (N, d) of inputs (N, ...)."""
    body.eval()
    return torch.cat([body(block) for block in torch.split(inputs, 1000)])


@torch.no_grad()
def accuracy(body: nn.Module, loss: ClassLoss, inputs: Tensor, labels: Tensor) -> float:
    """Return the share of inputs (N, ...) whose best score is their label's."""
    loss.eval()
    found = loss.scores(represent(body, inputs)).argmax(dim=1)
    return float((found == labels).float().mean())


def as_tensor(pixels: NDArray[np.uint8]) -> Tensor:
    """Return pixels (N, H, W) as (N, 1, H, W) float in [0, 1]."""
    return torch.from_numpy(pixels.astype(np.float32) / 255.0)[:, None]
