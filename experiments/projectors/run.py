"""Run `benchmarks/projectors.py` on frozen features, a fresh process on a core of its own for each case."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from experiments import features
from experiments.data import Pictures, cifar100, fashion, stand_in
from experiments.data.pictures import first_of_each
from experiments.plots import COLOURS, save, subplots
from experiments.running import HERE, Case, Experiment, NotHere, Row, Scale, alone, case_cache
from experiments.statistics import Interval, Paired, paired_t, t_interval
from experiments.tables import adjusted, plus_minus, table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SCRIPT = HERE.parent / "benchmarks" / "projectors.py"
ROWS = ("pca", "tsne", "opentsne", "umap", "pacmap", "manifolds")
MODULES = {"opentsne": "openTSNE", "umap": "umap", "pacmap": "pacmap", "manifolds": "manifolds_rs"}
"""What a projector needs beyond Shoal's own dependencies."""
OURS = "tsne"
VECTORS = "vectors"
"""Not projected: what a map can hardly be better than."""
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
PATIENCE = 1_200
SHOWN = 3_000
"""So many items of a map, the same of every projector's, are labelled for the count of gestures."""
SINGLE = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
)
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
    """List every size, layer, seed and projector, the slow ones first; and the vectors' own accuracy."""
    projectors = ROWS[:1] if scale == "smoke" else ROWS
    found: list[Case] = []
    for items, layers, most in reversed(PARTS[scale]):
        for layer in layers:
            common: Case = {"items": items, "layer": layer}
            found.append({**common, "projector": VECTORS, "seed": 0})
            found += [
                {**common, "projector": row, "seed": seed}
                for seed in range(min(seeds, most))
                for row in projectors
            ]
    return found


def measure(case: Case) -> Row:
    """Return the benchmark's numbers for one projector."""
    layer, name = str(case["layer"]), str(case["projector"])
    if name in MODULES and find_spec(MODULES[name]) is None:
        raise NotHere(f"projector {name} (pip install -e '.[benchmarks]')")
    file = _vectors(layer, int(case["items"] or 0))
    command = [sys.executable, str(SCRIPT), str(file), "--one", name, "--seed", str(case["seed"])]
    command += ["--gestures", str(SHOWN)]
    single = {**os.environ, **dict.fromkeys(SINGLE, "1")}
    try:
        with _a_core() as core:
            command += ["--core", str(core)]
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=PATIENCE, check=False, env=single
            )
    except subprocess.TimeoutExpired:
        return {"late": PATIENCE}
    if done.returncode:
        raise RuntimeError(f"{name} on {file.name} ended with {done.returncode}:\n{done.stderr[-2_000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    return {
        column: value if value is None else round(float(value), 4)
        for column, value in found.items()
        if column in COLUMNS
    }


@contextmanager
def _a_core() -> Iterator[int]:
    """Hold one core that no other case holds; the first one where all are held."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    folder = case_cache() / "projectors"
    folder.mkdir(parents=True, exist_ok=True)
    for core in cores:
        with (folder / f"core-{core}").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield core
            return
    yield cores[0]


def _vectors(layer: str, items: int) -> Path:
    """Return a file of `vectors` and `labels`: CIFAR-100's test pictures, or beyond those Fashion-MNIST."""
    file = case_cache() / "projectors" / f"{layer}-{items}.npz"
    if file.exists():
        return file
    with alone(file.parent):
        if not file.exists():
            pictures, name, backbone = _pictures(layer, items)
            layers = features.of_pictures(name, pictures, backbone=backbone)
            rows = first_of_each(pictures.labels, items // len(pictures.classes))
            half = file.with_suffix(".half.npz")
            np.savez(half, vectors=layers[layer][rows], labels=pictures.labels[rows])
            half.replace(file)
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
    rows = sorted((row for row in rows if "late" not in row), key=lambda row: int(row["items"]))
    _picture(rows, folder / "projectors.png")
    parts = [INTRODUCTION, "![Quality against time](projectors.png)"]
    for items, layer in dict.fromkeys((row["items"], row["layer"]) for row in rows):
        of = [row for row in rows if (row["items"], row["layer"]) == (items, layer)]
        parts += [f"## {items:,} items of {_set_of(items, layer)}, layer {layer}", _table(of), _against(of)]
    if late:
        names = ", ".join(f"{row['projector']} on {row['items']:,} items" for row in late)
        parts += [f"Not done in {PATIENCE // 60} minutes: {names}."]
    return "\n\n".join(part for part in parts if part)


INTRODUCTION = f"""The same frozen layers for every projector, each in a fresh process with its default settings, bound to
one core and one thread. Size and set change together: up to 10,000 items are CIFAR-100's test pictures (100 classes), more
are Fashion-MNIST (10 classes), so compare within one table only. 10-NN: accuracy of a vote of the ten nearest on the map
(on 10,000 sampled items at most; `{VECTORS}`: among the vectors themselves, by cosine); trustworthiness and neighbours kept:
ten nearest, 1,000 sampled items; gestures: the simulated annotator of `docs/effort.md` on {SHOWN:,} items of the static map,
the same for every projector; cold: the first fit, import and compilation included; warm: a second fit from the first map.
Mean ± half the 95 % interval (Student's t over the projector's seeds, on the same items: what another sample of items would
give is not in it). Differences are paired by seed; Holm: p adjusted for the number of tests in the table, bold where that is
below 0.05. A projector that ignores its seed has ± 0. Other work ran beside it: compare seconds loosely."""


def _set_of(items: int, layer: str) -> str:
    if layer == "grid":
        return "a stand-in"
    return "CIFAR-100" if items <= 10_000 else "Fashion-MNIST"


def _projectors(rows: list[Row]) -> list[str]:
    """Return the projectors of these rows in the order of `ROWS`, the vectors first."""
    there = {row["projector"] for row in rows}
    return [name for name in (VECTORS, *ROWS) if name in there]


def _values(rows: list[Row], projector: str, column: str) -> dict[int, float]:
    """Return the values by seed, where there is one."""
    of = {row["seed"]: row.get(column) for row in rows if row["projector"] == projector}
    return {seed: float(value) for seed, value in of.items() if value is not None}


def _interval(rows: list[Row], projector: str, column: str) -> Interval | None:
    values = _values(rows, projector, column)
    return t_interval(list(values.values())) if values else None


def _paired(rows: list[Row], rival: str, column: str) -> Paired | None:
    ours, theirs = _values(rows, OURS, column), _values(rows, rival, column)
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
    """Return the default minus each other, all tests of the table adjusted together."""
    rivals = [name for name in _projectors(rows) if name not in (OURS, VECTORS)]
    if OURS not in _projectors(rows) or not rivals:
        return ""
    tests = {(name, column): _paired(rows, name, column) for name in rivals for column in COMPARED}
    there = {key: test for key, test in tests.items() if test is not None}
    written = adjusted(list(there.values()), [COMPARED[column] for _, column in there])
    texts = dict(zip(there, written, strict=True))
    cells = [[name, *(texts.get((name, column), "-") for column in COMPARED)] for name in rivals]
    return table([f"{OURS} (the default) minus", *(COLUMNS[column] for column in COMPARED)], cells)


def _picture(rows: list[Row], file: Path) -> None:
    """Draw accuracy against seconds, a panel for each size of the last layer."""
    layer = rows[-1]["layer"]
    sizes = sorted({row["items"] for row in rows if row["layer"] == layer})
    down = -(-len(sizes) // 2)
    figure, axes = subplots(down, min(2, len(sizes)), size=(9.6, 3.7 * down))
    for axis, items in zip(np.ravel(axes), sizes, strict=False):
        part = [row for row in rows if (row["items"], row["layer"]) == (items, layer)]
        ceiling = _interval(part, VECTORS, "accuracy")
        if ceiling is not None:
            axis.axhline(
                ceiling.mean, color="0.6", linestyle="--", linewidth=1, label="the vectors themselves"
            )
        for colour, name in zip(COLOURS, ROWS, strict=False):
            _point(axis, part, name, colour)
        axis.set(xscale="log", xlabel="seconds to the first map", ylabel="10-NN accuracy on the map")
        axis.set_title(f"{items:,} items of {_set_of(items, layer)}")
        axis.margins(x=0.12, y=0.12)
    for axis in np.ravel(axes)[len(sizes) :]:
        axis.set_axis_off()
    np.ravel(axes)[0].legend(loc="lower right", fontsize=8)
    save(figure, file)


def _point(axis: "Axes", rows: list[Row], name: str, colour: str) -> None:
    seconds, right = _interval(rows, name, "cold s"), _interval(rows, name, "accuracy")
    if seconds is None or right is None:
        return
    reach = None if np.isnan(right.half) else right.half
    axis.errorbar(seconds.mean, right.mean, yerr=reach, fmt="o", markersize=7, color=colour, label=name)


EXPERIMENT = Experiment(
    name="projectors",
    question="Which projector makes the best map, and at what price?",
    source="`benchmarks/projectors.py`, which this runs; no paper's table.",
    shortened="3,000 items of two layers and 10,000 of the last, three seeds; 30,000 and 70,000 of the last, one seed and so no "
    "intervals. `make experiments NAME=projectors` installs the rivals (`pip install -e '.[benchmarks]'`). Embedding the 80,000 pictures takes about 23 minutes of "
    "one core, once.",
    seeds=3,
    cases=cases,
    measure=measure,
    report=report,
    packages=("umap-learn", "openTSNE", "pacmap", "manifolds-rs", "numba"),
)
