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
from experiments.statistics import paired_t, t_interval
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
        raise NotHere(f"{case['projector']}, {case['items']:,} items: not done in {PATIENCE:,} s") from None
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
    most = max(row["items"] for row in rows)
    _picture(rows, most, folder / "projectors.png")
    parts = [INTRODUCTION, "![Quality against time](projectors.png)"]
    for items in sorted({row["items"] for row in rows}):
        for layer in dict.fromkeys(row["layer"] for row in rows if row["items"] == items):
            of = [row for row in rows if row["items"] == items and row["layer"] == layer]
            parts += [f"## {items:,} items, layer {layer}", _table(of), _against(of)]
    return "\n\n".join(parts)


INTRODUCTION = """The same frozen layers for every projector (up to 10,000 items: CIFAR-100's test pictures; beyond: Fashion-MNIST), each in a fresh process with its default
settings. 10-NN: accuracy of a vote of the ten nearest on the map; trustworthiness and neighbours kept: ten nearest, 1,000
sampled items; gestures: the simulated annotator of `docs/effort.md` on the static map; cold: the first fit, import and
compilation included; warm: a second fit from the first map. Mean ± half the 95 % interval (Student's t over the
projector's seeds). One core, other work beside it: compare seconds within one table only, and loosely."""


def _projectors(rows: list[Row]) -> list[str]:
    return list(dict.fromkeys(row["projector"] for row in rows))


def _values(rows: list[Row], projector: str, column: str) -> list[float]:
    return [float(row[column]) for row in rows if row["projector"] == projector and row[column] is not None]


def _table(rows: list[Row]) -> str:
    digits = {"gestures": 0, "cold s": 1, "warm s": 1, "peak MB": 0}
    cells = [
        [
            name,
            *(
                plus_minus(t_interval(_values(rows, name, column)), digits.get(column, 3))
                for column in COLUMNS
            ),
        ]
        for name in _projectors(rows)
    ]
    return table(["projector", *COLUMNS.values()], cells)


def _against(rows: list[Row]) -> str:
    rivals = [name for name in _projectors(rows) if name != "tsne"]
    if "tsne" not in _projectors(rows) or not rivals:
        return ""
    cells = [
        [
            name,
            *(
                signed(paired_t(_values(rows, "tsne", c), _values(rows, name, c)), d)
                for c, d in (("accuracy", 3), ("kept", 3), ("gestures", 0))
            ),
        ]
        for name in rivals
    ]
    return table(["tsne (the default) minus", "10-NN", "neighbours kept", "gestures to 95 %"], cells)


def _picture(rows: list[Row], items: int, file: Path) -> None:
    figure, axes = subplots(1, 2, size=(10, 4.2))
    of = [row for row in rows if row["items"] == items]
    for axis, layer in zip(axes, dict.fromkeys(row["layer"] for row in of), strict=False):
        part = [row for row in of if row["layer"] == layer]
        for colour, name in zip(COLOURS, _projectors(part), strict=False):
            seconds, right = (
                t_interval(_values(part, name, "cold s")),
                t_interval(_values(part, name, "accuracy")),
            )
            axis.errorbar(
                seconds.mean,
                right.mean,
                yerr=None if np.isnan(right.half) else right.half,
                fmt="o",
                color=colour,
            )
            axis.annotate(
                name, (seconds.mean, right.mean), xytext=(6, 4), textcoords="offset points", fontsize=8
            )
        axis.set(xscale="log", xlabel="seconds to the first map", ylabel="10-NN accuracy on the map")
        axis.set_title(f"{items:,} items, layer {layer}")
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
