"""Which backbone, and at what precision? Speed and nearest-neighbour accuracy of every layer, side by side.

    python benchmarks/backbones.py             # measure; writes backbones.json and .md beside this file,
                                               # part by part: delete the .json to measure anew
    python benchmarks/backbones.py table       # only write the table of what has been measured so far
    python benchmarks/backbones.py calibrate   # measure the activation ranges that `fast` needs

Pictures: `caltech101/<class>/*.jpg` and `cifar100/test/<class>.webp` (25 tiles of 32 px a row) in the folder
$SHOAL_DATA, else the folder `../shared/data` beside the repository.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shoal.backbones import BACKBONES, efficientnet_lite, graph
from shoal.types import ImageInput

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("SHOAL_DATA", HERE.parent.parent / "shared" / "data"))
NETWORKS = ("efficientnet_lite0", "efficientnet_lite2", "efficientnet_lite1")
K = 10
Pictures = list[Callable[[], Image.Image]]
Vectors = dict[str, NDArray[np.float32]]
Cut = Callable[[Image.Image, ImageInput], NDArray[np.uint8]]


def caltech() -> tuple[Pictures, NDArray[np.int64]]:
    paths = sorted((DATA / "caltech101").glob("*/*.jpg"))
    classes = np.unique([path.parent.name for path in paths], return_inverse=True)[1]
    return [partial(Image.open, path) for path in paths], classes


def cifar(per_class: int = 50) -> tuple[Pictures, NDArray[np.int64]]:
    pictures: Pictures = []
    sheets = sorted((DATA / "cifar100" / "test").glob("*.webp"))
    for path in sheets:
        sheet = Image.open(path).convert("RGB")
        for k in range(per_class):
            left, top = k % 25 * 32, k // 25 * 32
            pictures.append(sheet.crop((left, top, left + 32, top + 32)).copy)
    return pictures, np.repeat(np.arange(len(sheets)), per_class)


def centre(image: Image.Image, wanted: ImageInput) -> NDArray[np.uint8]:
    """Scale the short side to `resize`, cut the centre: what the networks were published with."""
    scale = wanted.resize / min(image.size)
    width, height = (max(round(side * scale), wanted.size) for side in image.size)
    left, top = (width - wanted.size) // 2, (height - wanted.size) // 2
    image = image.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image.crop((left, top, left + wanted.size, top + wanted.size)))


def squash(image: Image.Image, wanted: ImageInput) -> NDArray[np.uint8]:
    """Scale the whole image to the square, losing its aspect ratio."""
    return np.asarray(image.convert("RGB").resize((wanted.size,) * 2, Image.Resampling.BICUBIC))


def batches(pictures: Pictures, wanted: ImageInput, cut: Cut = centre) -> Iterator[NDArray[np.uint8]]:
    with ThreadPoolExecutor() as pool:
        for start in range(0, len(pictures), 250):
            rows = pool.map(lambda one: cut(one(), wanted), pictures[start : start + 250])
            yield np.stack(list(rows))


def embed(backbone: Any, pictures: Pictures, cut: Cut = centre) -> Vectors:
    parts = [backbone.embed(batch) for batch in batches(pictures, backbone.image_input, cut)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def neighbours(vectors: NDArray[Any]) -> NDArray[np.int64]:
    """Return the ten nearest others (N, 10) by cosine, nearest first."""
    rows = vectors.astype(np.float32)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    likeness = rows @ rows.T
    np.fill_diagonal(likeness, -2)
    return np.argsort(-likeness, axis=1, kind="stable")[:, :K]


def accuracy(vectors: NDArray[Any], classes: NDArray[np.int64]) -> dict[str, float]:
    """Return leave-one-out accuracy: of the nearest one, and of the vote of the nearest ten."""
    labels = classes[neighbours(vectors)]
    votes = np.stack([np.bincount(row, minlength=classes.max() + 1) for row in labels])
    return {
        "1-NN": float((labels[:, 0] == classes).mean()),
        "10-NN": float((votes.argmax(axis=1) == classes).mean()),
    }


def overlap(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Return the mean share of the ten nearest neighbours that `a` and `b` have in common."""
    pairs = zip(neighbours(a), neighbours(b), strict=True)
    return float(np.mean([len(np.intersect1d(one, other)) / K for one, other in pairs]))


class Torch:
    """The torch original in eager mode, with the interface of a backbone; batches of 32."""

    def __init__(self, name: str) -> None:
        self._description = efficientnet_lite.DESCRIPTIONS[name]
        self._network = efficientnet_lite.original(self._description)
        self.image_input = BACKBONES.load(name)().image_input

    def embed(self, images: NDArray[np.uint8]) -> Vectors:
        """Map images (B, H, W, 3) to each layer's averaged activations (B, D)."""
        read = efficientnet_lite.torch_layers
        repeats = self._description.repeats
        parts = [read(self._network, repeats, images[k : k + 32]) for k in range(0, len(images), 32)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def speeds(rounds: int = 7, count: int = 64) -> dict[str, float]:
    """Return images/s of every variant, the median of rounds in which each has its turn."""
    variants: dict[str, Any] = {"efficientnet_lite0 torch eager": Torch("efficientnet_lite0")}
    for name in NETWORKS:
        variants[f"{name} float32"] = BACKBONES.load(name)()
        variants[f"{name} int8"] = BACKBONES.load(name)(fast=True)
    taken: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, variant in variants.items():
            pictures = np.repeat(
                efficientnet_lite.probe_pictures(variant.image_input.size), count // 4, axis=0
            )
            begin = time.perf_counter()
            variant.embed(pictures)
            taken[name].append(time.perf_counter() - begin)
    return {name: round(count / float(np.median(times)), 1) for name, times in taken.items()}


def quality(name: str, pictures: Pictures, classes: NDArray[np.int64]) -> dict[str, Any]:
    """Return per layer the accuracy in float32, float16 and int8, and the neighbours the latter two keep."""
    exact = embed(BACKBONES.load(name)(), pictures)
    fast = embed(BACKBONES.load(name)(fast=True), pictures)
    rows = {}
    for layer, vectors in exact.items():
        stored = vectors.astype(np.float16)
        rows[layer] = {
            "width": vectors.shape[1],
            "float32": accuracy(vectors, classes),
            "float16": {**accuracy(stored, classes), "overlap": overlap(vectors, stored)},
            "int8": {**accuracy(fast[layer], classes), "overlap": overlap(vectors, fast[layer])},
        }
    return rows


def measure() -> dict[str, Any]:
    """Return all results, measuring the parts that backbones.json does not hold yet and saving each."""
    sets = {"caltech101": caltech(), "cifar100": cifar()}
    photographs, classes = sets["caltech101"]
    parts: dict[tuple[str, str], Callable[[], Any]] = {("speed", "images per second"): speeds}
    for name in NETWORKS:
        for label, pile in sets.items():
            parts[name, label] = partial(quality, name, *pile)
        parts[name, "squashed"] = partial(head_accuracy, BACKBONES.load(name), photographs, classes, squash)
    original = partial(Torch, "efficientnet_lite0")
    parts["efficientnet_lite0", "torch"] = partial(head_accuracy, original, photographs, classes, centre)
    target = HERE / "backbones.json"
    results: dict[str, Any] = json.loads(target.read_text()) if target.exists() else {}
    for (name, what), work in parts.items():
        if what not in results.setdefault(name, {}):
            print(f"{name}: {what}", flush=True)
            results[name][what] = work()
            target.write_text(json.dumps(results, indent=1) + "\n")
    return results


def head_accuracy(
    make: Callable[[], Any], pictures: Pictures, classes: NDArray[np.int64], cut: Cut
) -> dict[str, float]:
    return accuracy(embed(make(), pictures, cut)["head"], classes)


def tables(results: dict[str, Any]) -> str:
    """Return the results as Markdown."""
    lines = ["# Backbones", "", "Written by `python benchmarks/backbones.py`; the speeds are from one run."]
    speed = results["speed"]["images per second"]
    base = speed["efficientnet_lite0 torch eager"]
    lines += ["", "| variant | images/s | against torch eager, Lite0 |", "|---|---|---|"]
    lines += [f"| {name} | {rate:.0f} | {rate / base:.1f} |" for name, rate in speed.items()]
    for name in NETWORKS:
        sets = {label: results[name][label] for label in ("caltech101", "cifar100") if label in results[name]}
        lines += ["", f"## {name}: 1-NN / 10-NN accuracy, leave one out; 10 nearest kept of float32's", ""]
        heads = " | ".join(f"{label} float32 | float16, kept | int8, kept" for label in sets)
        lines += [f"| layer | width | {heads} |", "|---|---|" + "---|---|---|" * len(sets)]
        for layer, row in sets["caltech101"].items():
            kinds = ("float32", "float16", "int8")
            cells = [_cell(rows[layer][kind]) for rows in sets.values() for kind in kinds]
            lines.append(f"| {layer} | {row['width']} | {' | '.join(cells)} |")
    lines += ["", "## Caltech-101, head: how the image is brought to the square", ""]
    lines += ["| backbone | centre cut | whole image squashed |", "|---|---|---|"]
    for name in NETWORKS:
        cut = results[name]["caltech101"]["head"]["float32"]
        lines.append(f"| {name} | {_cell(cut)} | {_cell(results[name].get('squashed'))} |")
    original = _cell(results["efficientnet_lite0"].get("torch"))
    lines += ["", f"The torch original of efficientnet_lite0, centre cut: {original}.", ""]
    return "\n".join(lines)


def _cell(row: dict[str, float] | None) -> str:
    if row is None:
        return "not run yet"
    kept = f", {row['overlap']:.3f}" if "overlap" in row else ""
    return f"{row['1-NN']:.3f} / {row['10-NN']:.3f}{kept}"


def calibrate(count: int = 256) -> None:
    """Write each network's activation ranges over `count` pictures of each set.

    The stem, the first stage and the first expansion are left out: in int8 they cost most of the
    likeness and save no time, so `fast` keeps them in float32.
    """
    random = np.random.default_rng(0)
    pictures = [
        one
        for some, _ in (caltech(), cifar())
        for one in (some[k] for k in random.permutation(len(some))[:count])
    ]
    for name in NETWORKS:
        low, high = extremes(efficientnet_lite.DESCRIPTIONS[name], pictures)
        kept = [one for one in low if not one.startswith(("stem", "_blocks.0.", "_blocks.1.wide"))]
        ranges = {one: [float(f"{low[one]:.5g}"), float(f"{high[one]:.5g}")] for one in kept}
        target = Path(efficientnet_lite.__file__).parent / "ranges" / f"{name}.json"
        rows = ",\n".join(f'  "{one}": {json.dumps(pair)}' for one, pair in ranges.items())
        target.write_text(f"{{\n{rows}\n}}\n")
        print(f"{len(ranges)} ranges of {name}")


def extremes(description: Any, pictures: Pictures) -> tuple[dict[str, float], dict[str, float]]:
    """Return the lowest and the highest value of every activation over the pictures."""
    import onnx
    import onnxruntime

    weights = {name: tensor.numpy() for name, tensor in efficientnet_lite.state(description).items()}
    model = onnx.load_from_string(graph.build(weights, size=description.size, repeats=description.repeats))
    names = [
        node.output[0]
        for node in model.graph.node
        if node.output[0].endswith((".out", ".wide", ".seen", ".sum"))
    ]
    del model.graph.output[:]
    for name in names:
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    low, high = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0)
    for batch in batches(pictures, ImageInput(description.size, description.size + 32)):
        for image in batch:
            for name, value in zip(names, session.run(names, {"images": image[None]}), strict=True):
                low[name] = min(low[name], float(value.min()))
                high[name] = max(high[name], float(value.max()))
    return low, high


if __name__ == "__main__":
    if sys.argv[1:] == ["calibrate"]:
        calibrate()
    else:
        stored = HERE / "backbones.json"
        report = tables(json.loads(stored.read_text()) if sys.argv[1:] == ["table"] else measure())
        (HERE / "backbones.md").write_text(report)
        print(report)
