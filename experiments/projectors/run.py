"""Run `benchmarks/projectors.py` on frozen features, a fresh process for each projector, size and seed."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from experiments import features
from experiments.data import Pictures, cifar100, fashion, stand_in
from experiments.data.pictures import first_of_each
from experiments.plots import COLOURS, save, subplots
from experiments.running import HERE, Case, Experiment, NotHere, Row, Scale, alone, case_cache
from experiments.statistics import Interval, Paired, paired_t, t_interval
from experiments.tables import plus_minus, signed, table

SCRIPT = HERE.parent / "benchmarks" / "projectors.py"
ROWS = ("pca", "tsne", "opentsne", "umap", "pacmap", "manifolds")
LAYERS = ("stage5", "head")
Part = tuple[int, tuple[str, ...], int]
"""So many items, which layers, and how many of the seeds at most."""
PARTS: dict[Scale, tuple[Part, ...]] = {
    "smoke": ((60, ("grid",), 1),),
    "short": (
        (3_000, LAYERS, 3),
        (10_000, LAYERS[-1:], 3),
        (30_000, LAYERS[-1:], 1),
        (70_000, LAYERS[-1:], 1),
    ),
    "full": tuple((items, LAYERS, 10) for items in (3_000, 10_000, 30_000, 70_000)),
}
PATIENCE = 3_600
SHARED = 40
"""So many test pictures a class have features in the cache already, from the silhouette experiment."""
COMPARED = {"accuracy": 3, "kept": 3, "gestures": 0}
"""What is compared pair by pair, and with how many digits."""
COLUMNS = {
    "accuracy": "10-NN",
    "trust": "trustworthiness",
    "kept": "neighbours kept",
    "gestures": "gestures to 95 %",
    "cold s": "cold s",
    "warm s": "warm s",
    "peak MB": "peak MB",
}


def cases(scale: Scale, seeds: int) -> list[Case]:
    """List every size, layer, seed and projector."""
    return [
        {"items": items, "layer": layer, "projector": row, "seed": seed}
        for items, layers, most in PARTS[scale]
        for layer in layers
        for seed in range(min(seeds, most))
        for row in (ROWS[:1] if scale == "smoke" else ROWS)
    ]


def measure(case: Case) -> Row:
    """Return the benchmark's numbers for one projector."""
    file = _vectors(str(case["layer"]), int(case["items"] or 0))
    command = [sys.executable, str(SCRIPT), str(file), "--one", str(case["projector"]), "--gestures"]
    command += ["--seed", str(case["seed"])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return {"late": PATIENCE}
    if done.returncode:
        raise NotHere(f"projector {case['projector']}: {done.stderr.strip().splitlines()[-1]}")
    found = json.loads(done.stdout.splitlines()[-1])
    numbers: Row = {
        name: value if value is None else round(float(value), 4)
        for name, value in found.items()
        if name in COLUMNS
    }
    return numbers


def _vectors(layer: str, items: int) -> Path:
    """Return a file of `vectors` and `labels`: CIFAR-100's test pictures, or beyond those Fashion-MNIST."""
    file = case_cache() / "projectors" / f"{layer}-{items}.npz"
    with alone(file.parent):
        if not file.exists():
            pictures, name, backbone = _pictures(layer, items)
            layers = features.of_pictures(name, pictures, backbone=backbone)
            rows = first_of_each(pictures.labels, items // len(pictures.classes))
            np.savez(file, vectors=layers[layer][rows], labels=pictures.labels[rows])
    return file


def _pictures(layer: str, items: int) -> tuple[Pictures, str, str]:
    """Return pictures, at least so many, what the cache calls them, and the backbone."""
    if layer == "grid":
        return stand_in(4, items // 4, size=16, colours=True), "stand-in-maps", "placeholder"
    if items <= 10_000:
        each = max(SHARED, items // 100)
        return cifar100("test").first(each), f"cifar100-test-{each}", "efficientnet_lite0"
    learned, asked = fashion("train"), fashion("test")
    pixels, labels = (
        np.concatenate([getattr(part, name) for part in (learned, asked)]) for name in ("pixels", "labels")
    )
    return Pictures(pixels, labels, learned.classes), "fashion-all", "efficientnet_lite0"


def report(rows: list[Row], folder: Path) -> str:
    """Write the table of every projector on every layer and size, and the picture."""
    late = [row for row in rows if "late" in row]
    rows = [row for row in rows if "late" not in row]
    _picture(rows, folder / "projectors.png")
    parts = [INTRODUCTION, "![Quality against time](projectors.png)"]
    for items, layer in dict.fromkeys((row["items"], row["layer"]) for row in rows):
        of = [row for row in rows if (row["items"], row["layer"]) == (items, layer)]
        parts += [f"## {items:,} items, layer {layer}", _table(of), _against(of)]
    if late:
        names = ", ".join(f"{row['projector']} on {row['items']:,} items" for row in late)
        parts += [f"Not done in {PATIENCE // 60} minutes: {names}."]
    return "\n\n".join(part for part in parts if part)


INTRODUCTION = """The same frozen layers for every projector (up to 10,000 items: CIFAR-100's test pictures; beyond: Fashion-MNIST), each in a fresh process with its default
settings. 10-NN: accuracy of a vote of the ten nearest on the map; trustworthiness and neighbours kept: ten nearest, 1,000
sampled items; gestures: the simulated annotator of `docs/effort.md` on the static map; cold: the first fit, import and
compilation included; warm: a second fit from the first map. Mean ± half the 95 % interval (Student's t over the
projector's seeds). One core, other work beside it: compare seconds within one table only, and loosely."""


def _projectors(rows: list[Row]) -> list[str]:
    return list(dict.fromkeys(row["projector"] for row in rows))


def _values(rows: list[Row], projector: str, column: str) -> dict[int, float]:
    """Return the values by seed, where there is one."""
    of = {row["seed"]: row[column] for row in rows if row["projector"] == projector}
    return {seed: float(value) for seed, value in of.items() if value is not None}


def _interval(rows: list[Row], projector: str, column: str) -> Interval | None:
    values = _values(rows, projector, column)
    return t_interval(list(values.values())) if values else None


def _paired(rows: list[Row], rival: str, column: str) -> Paired | None:
    ours, theirs = _values(rows, "tsne", column), _values(rows, rival, column)
    both = sorted(ours.keys() & theirs.keys())
    return paired_t([ours[seed] for seed in both], [theirs[seed] for seed in both]) if both else None


def _table(rows: list[Row]) -> str:
    digits = {"gestures": 0, "cold s": 1, "warm s": 1, "peak MB": 0}
    cells = []
    for name in _projectors(rows):
        found = {column: _interval(rows, name, column) for column in COLUMNS}
        cells.append(
            [name, *("-" if i is None else plus_minus(i, digits.get(c, 3)) for c, i in found.items())]
        )
    return table(["projector", *COLUMNS.values()], cells)


def _against(rows: list[Row]) -> str:
    rivals = [name for name in _projectors(rows) if name != "tsne"]
    if "tsne" not in _projectors(rows) or not rivals:
        return ""
    cells = []
    for name in rivals:
        found = [(_paired(rows, name, column), digits) for column, digits in COMPARED.items()]
        cells.append([name, *("-" if test is None else signed(test, digits) for test, digits in found)])
    return table(["tsne (the default) minus", "10-NN", "neighbours kept", "gestures to 95 %"], cells)


def _picture(rows: list[Row], file: Path) -> None:
    """Draw accuracy against seconds, a panel for each size of the last layer."""
    layer = rows[-1]["layer"]
    sizes = sorted({row["items"] for row in rows if row["layer"] == layer})
    figure, axes = subplots(1, len(sizes), size=(4.2 * len(sizes), 3.8))
    for axis, items in zip(np.atleast_1d(axes), sizes, strict=True):
        part = [row for row in rows if (row["items"], row["layer"]) == (items, layer)]
        for colour, name in zip(COLOURS, _projectors(part), strict=False):
            seconds, right = _interval(part, name, "cold s"), _interval(part, name, "accuracy")
            if seconds is None or right is None:
                continue
            reach = None if np.isnan(right.half) else right.half
            axis.errorbar(seconds.mean, right.mean, yerr=reach, fmt="o", color=colour)
            at = (seconds.mean, right.mean)
            axis.annotate(name, at, xytext=(6, 4), textcoords="offset points", fontsize=8)
        axis.set(xscale="log", xlabel="seconds to the first map", ylabel="10-NN accuracy on the map")
        axis.set_title(f"{items:,} items")
    save(figure, file)


EXPERIMENT = Experiment(
    name="projectors",
    question="Which projector makes the best map, and at what price?",
    source="`benchmarks/projectors.py`, which this runs; no paper's table.",
    shortened="3,000 items of two layers and 10,000 of the last, three seeds; 30,000 and 70,000 of the last, one seed and so no "
    "intervals. Up to 10,000: CIFAR-100's test pictures; beyond: Fashion-MNIST.",
    seeds=3,
    cases=cases,
    measure=measure,
    report=report,
)
