"""What every loss does to the same two sets: one picture a row of LOSSES, for its page in the docs.

    python benchmarks/loss_pictures.py --data FOLDER [--cache FOLDER] [--rows silhouette triplet ...]

FOLDER holds `cifar100/test/CLASS.webp`: 100 tiles of 32 x 32 px, 25 a row. Left, a toy: three spiral arms
that overlap, turned into 8 dimensions with noise. Right, CIFAR-100: 100 test images of every tenth class by
Shoal's backbone (embedded once, kept in the cache). Every loss has its default settings and the same budget:
a head (D -> 64 -> 2), STEPS batches, one seed. Faint dots were trained on, full ones held out; the number is
the ten-nearest-neighbour accuracy of the held-out dots among themselves. Writes docs/losses/pictures/ROW.png.
"""

import argparse
from io import BytesIO
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from shoal.folders import cache_folder
from shoal.indices.neighbourhood import knn_accuracy
from shoal.losses import LOSSES, Loss
from shoal.samplers import ClassBatches, Episodes

PICTURES = Path(__file__).parent.parent / "docs" / "losses" / "pictures"
STEPS, ITEMS, HIDDEN, SHOTS, SEED = 200, 16, 64, 5, 0
EPISODIC = ("prototypical", "relation")
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def toy(items: int = 150) -> tuple[Floats, Ints]:
    """Return three interleaved arms of a spiral (N, 8), overlapping through noise, and their classes (N,)."""
    rng = np.random.default_rng(SEED)
    labels = np.arange(3).repeat(items)
    along = rng.uniform(0.3, 1.0, len(labels))
    angle = 2.0 * np.pi * (labels / 3.0 + 0.6 * along)
    plane = along[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    turn = np.linalg.qr(rng.standard_normal((8, 8)))[0][:2]
    return (3.0 * plane @ turn + 0.25 * rng.standard_normal((len(labels), 8))).astype(np.float32), labels


def cifar(data: Path, cache: Path) -> tuple[Floats, Ints]:
    """Return the last layer (1000, D) of 100 test images of every tenth class, and their classes."""
    file = cache / "cifar100-ten-classes.npz"
    if not file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        sheets = sorted((data / "cifar100" / "test").glob("*.webp"))[::10]
        np.savez(file, vectors=np.concatenate([embed(sheet) for sheet in sheets]))
    vectors = np.load(file)["vectors"].astype(np.float32)
    return vectors, np.arange(10).repeat(len(vectors) // 10)


def embed(sheet: Path) -> Floats:
    """Return the last layer (100, D) of the tiles of one contact sheet."""
    from PIL import Image

    from shoal.backbones import BACKBONES
    from shoal.images.decode import decode

    backbone = BACKBONES.load("efficientnet_lite0")()
    pixels = np.asarray(Image.open(sheet).convert("RGB"))
    tiles = pixels.reshape(pixels.shape[0] // 32, 32, -1, 32, 3).swapaxes(1, 2).reshape(-1, 32, 32, 3)
    inputs = []
    for tile in tiles:
        png = BytesIO()
        Image.fromarray(tile).save(png, format="PNG")
        inputs.append(decode(png.getvalue(), image_input=backbone.image_input).pixels)
    layers = [backbone.embed(np.stack(inputs[start : start + 20])) for start in range(0, len(inputs), 20)]
    return np.concatenate([batch[list(batch)[-1]] for batch in layers]).astype(np.float32)


def train(row: str, vectors: Floats, labels: Ints) -> Floats:
    """Return where a head trained on every other item puts all of them (N, 2)."""
    torch.manual_seed(SEED)
    x, y = torch.from_numpy(vectors), torch.from_numpy(labels)
    x = (x - x[::2].mean(dim=0)) / x[::2].std()
    classes = int(y.max()) + 1
    head = nn.Sequential(nn.Linear(x.shape[1], HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 2))
    loss: Loss = LOSSES.load(row).build(classes=classes, width=2)
    sampler: ClassBatches | Episodes = ClassBatches(labels[::2], classes=classes, items=ITEMS)
    if row in EPISODIC:
        loss.shots = SHOTS  # type: ignore[assignment]
        sampler = Episodes(labels[::2], ways=classes, shots=SHOTS, queries=ITEMS - SHOTS)
    optimiser = torch.optim.AdamW([*head.parameters(), *loss.parameters()], lr=3e-3, weight_decay=1e-2)
    for batch in islice((batch for epoch in cycle([sampler]) for batch in epoch), STEPS):
        optimiser.zero_grad()
        loss(head(x[::2][batch]), y[::2][batch]).backward()
        optimiser.step()
    return head(x).detach().numpy()


def draw(row: str, sets: dict[str, tuple[Floats, Ints]]) -> None:
    """Train on each set and write the row's picture."""
    from matplotlib.figure import Figure
    from PIL import Image

    figure = Figure(figsize=(7.2, 3.7), dpi=80, layout="constrained")
    for axes, (name, (vectors, labels)) in zip(figure.subplots(1, 2), sets.items(), strict=True):
        xy = train(row, vectors, labels)
        axes.scatter(*xy[::2].T, c=labels[::2], cmap="tab10", vmax=9, s=6, alpha=0.25, linewidths=0)
        axes.scatter(*xy[1::2].T, c=labels[1::2], cmap="tab10", vmax=9, s=11, alpha=0.9, linewidths=0)
        axes.set_title(f"{name}: {knn_accuracy(xy[1::2], labels[1::2]):.0%}", fontsize=10)
        axes.set_aspect("equal", adjustable="datalim")
        axes.tick_params(labelsize=7)
        print(f"{row:20} {axes.get_title()}", flush=True)
    figure.suptitle(row, fontsize=11)
    png = BytesIO()
    figure.savefig(png, format="png")
    PICTURES.mkdir(exist_ok=True)
    Image.open(png).convert("RGB").quantize(128).save(PICTURES / f"{row}.png", optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder with cifar100/")
    parser.add_argument("--cache", type=Path, default=cache_folder() / "benchmarks")
    parser.add_argument("--rows", nargs="+", default=LOSSES.names(), choices=LOSSES.names())
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    sets = {"three arms in 8-D": toy(), "CIFAR-100, ten classes": cifar(arguments.data, arguments.cache)}
    for row in arguments.rows:
        draw(row, sets)


if __name__ == "__main__":
    main()
