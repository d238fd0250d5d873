"""The piles of effort.py and rounds.py: four sets, embedded once, with their true classes and their maps.

`data` holds `caltech101/` (a sub-folder per class) and `cifar100/test/*.webp` (tiles of 32 px, a file per
class); `emoji` is fetched and `fashion` read from Debian's package as the demos do. Everything dear is kept
in the cache.
"""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

STUDENT = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776}
"""The 97.5 % point of Student's t for a mean of so many values."""
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Pile:
    """What one set and seed come to: vectors (N, D) float32, truth (N,), and where to keep its maps."""

    name: str
    seed: int
    vectors: NDArray[np.float32]
    truth: Ints
    folder: Path

    def map(self, projector: str) -> NDArray[np.float32]:
        """Return the map (N, 2) of a projector, drawn once."""
        file = self.folder / f"{self.name}-{projector}-{self.seed}.npy"
        if not file.exists():
            xy = {"umap": _umap, "tsne": _tsne}[projector](self.vectors, self.seed)
            np.save(file, xy.astype(np.float32))
        return np.load(file, allow_pickle=False)


def _umap(vectors: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    import umap

    return umap.UMAP(metric="cosine", random_state=seed, n_jobs=1).fit_transform(vectors)


def _tsne(vectors: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    from shoal.projectors import PROJECTORS

    return PROJECTORS.load("tsne")(seed=seed).fit(vectors)


def framed(xy: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return positions (N, 2) within the unit square less a margin, shape kept."""
    low, high = xy.min(axis=0), xy.max(axis=0)
    return ((xy - (low + high) / 2) / (high - low).max() * 0.94 + 0.5).astype(np.float32)


def half_width(values: Sequence[float]) -> float:
    """Return half the 95 % interval of the mean of two to five values, by Student's t."""
    return float(STUDENT[min(len(values), 5)] * np.std(values, ddof=1) / np.sqrt(len(values)))


def mean(values: Sequence[float | None], digits: int = 3) -> str:
    """Write the mean of up to five values, None left out, with its 95 % interval where it has one."""
    there = [value for value in values if value is not None]
    if not there:
        return "-"
    text = f"{np.mean(there):,.{digits}f}"
    return text + (f" ± {half_width(there):,.{digits}f}" if len(there) > 1 else "")


def gathered(committed: Path, kept: Path) -> dict[str, Any]:
    """Put the rows that are kept one a file in a folder in place of a committed file's; return all."""
    rows = json.loads(committed.read_text())
    rows |= {file.stem: json.loads(file.read_text()) for file in kept.glob("*.json")}
    rows = dict(sorted(rows.items()))
    text = ",\n".join(f"{json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items())
    committed.write_text(f"{{\n{text}\n}}\n")
    return rows


def pile_of(data: Path | None, cache: Path, name: str, seed: int, *, whole: bool = False) -> Pile:
    """Return one of SETS; `seed` is the maps', and chooses 50 classes of CIFAR-100 unless `whole`."""
    vectors, truth = _vectors(data, cache, name)
    if name == "cifar100" and not whole:
        kept = np.isin(truth, np.random.default_rng(seed).permutation(100)[:50])
        vectors, truth = vectors[kept], truth[kept]
    maps = cache / "maps"
    maps.mkdir(exist_ok=True)
    return Pile(name, seed, vectors, truth, maps)


@cache
def _vectors(data: Path | None, cache: Path, name: str) -> tuple[NDArray[np.float32], Ints]:
    """Return the last layer (N, D) and the true classes (N,), -1 unknown; embedded once by `shoal.open`."""
    file = cache / f"{name}.npz"
    if not file.exists():
        import shoal

        pile, class_of = SETS[name](data, cache)
        with shoal.open(pile, into=cache / f"{name}.shoal", projector="pca") as workspace:
            embedding = workspace.embedding()
            names = [workspace.item(int(id)).name for id in embedding.ids]
        classes = sorted({known for item in names if (known := class_of(item))})
        number = {known: index for index, known in enumerate(classes)}
        truth = np.array([number.get(class_of(item), -1) for item in names])
        np.savez(file, vectors=embedding.vectors, truth=truth)
    with np.load(file, allow_pickle=False) as stored:
        return stored["vectors"].astype(np.float32), stored["truth"].astype(np.int64)


ClassOf = Callable[[str], str]


def _folder_of(name: str) -> str:
    return name.split("/", maxsplit=1)[0]


def _caltech(data: Path, cache: Path) -> tuple[Path, ClassOf]:
    return data / "caltech101", _folder_of


def _cifar(data: Path, cache: Path) -> tuple[Path, ClassOf]:
    from PIL import Image

    pile = cache / "cifar100-test"
    for file in sorted((data / "cifar100" / "test").glob("*.webp")):
        tiles = np.asarray(Image.open(file).convert("RGB"))
        rows, columns = tiles.shape[0] // 32, tiles.shape[1] // 32
        images = tiles.reshape(rows, 32, columns, 32, 3).swapaxes(1, 2).reshape(-1, 32, 32, 3)
        (pile / file.stem).mkdir(parents=True, exist_ok=True)
        for k, image in enumerate(images):
            Image.fromarray(image).save(pile / file.stem / f"{k:03}.png")
    return pile, _folder_of


def _demo(data: Path, cache: Path, *, name: str, part: str = "") -> tuple[Path, ClassOf]:
    from shoal.demos import DEMOS

    pile = DEMOS.load(name)().fetch(cache, print)
    truth = {os.fsdecode(key): known for key, known in (pile.truth or {}).items()}
    return pile.path / part, lambda item: truth.get(f"{part}/{item}" if part else item, "")


SETS: dict[str, Callable[[Path, Path], tuple[Path, ClassOf]]] = {
    "cifar100": _cifar,
    "caltech101": _caltech,
    "fashion": partial(_demo, name="fashion", part="test"),
    "emoji": partial(_demo, name="emoji"),
}
TITLES = {
    "cifar100": "CIFAR-100, test images of 50 classes",
    "caltech101": "Caltech-101",
    "fashion": "Fashion-MNIST, test images",
    "emoji": "emoji, the pictures whose category is known",
}
