"""Which projector? Quality of the map and seconds to it, each in a fresh process, one table.

    python benchmarks/projectors.py photos=FOLDER_OF_CLASS_FOLDERS more=VECTORS.npz

A folder of class folders is embedded by EfficientNet-Lite0, once; vectors are kept in the temporary folder.
An .npz holds `vectors` (N, D) and `labels` (N,). A rival that is not installed gets a note; --python names an
interpreter that has the rivals and can import shoal. Writes projectors.json and .md beside this script.

accuracy: of a vote of the 10 nearest neighbours on the label, in the vectors and in the map · trust:
trustworthiness of the 10 nearest (Venna & Kaski) and kept: the share of the 10 nearest kept, both on 1,000
sampled items · cold: the first fit in a fresh process, import included · warm: a second fit, from the first
map · moved: median way of an item in it, in widths of the map · place: a tenth of the items among the others.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).parent
CACHE = Path(tempfile.gettempdir()) / "shoal-benchmarks"
COLUMNS = [
    "projector",
    "accuracy",
    "of vectors'",
    "trust",
    "kept",
    "cold s",
    "warm s",
    "moved",
    "place s",
    "peak MB",
]
Labels = NDArray[np.int64]
Vectors = NDArray[np.floating]


def main() -> None:
    arguments = _arguments()
    if arguments.one:
        print(json.dumps(_one(arguments)))
        return
    results = [_table(named, arguments) for named in arguments.sets]
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    text = json.dumps({"machine": machine, "sets": results}, indent=1)
    (HERE / "projectors.json").write_text(text + "\n")
    (HERE / "projectors.md").write_text(_markdown(machine, results))


def _one(arguments: argparse.Namespace) -> dict[str, Any]:
    file = Path(arguments.sets[0])
    if arguments.core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {arguments.core})
    if arguments.one == "vectors":
        vectors, labels = _load(file)
        return {"projector": "vectors", "accuracy": _accuracy(_unit(vectors), labels)}
    return _measure(arguments.one, file, arguments.seed, arguments.gestures)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="+", metavar="NAME=PATH")
    parser.add_argument("--projectors", default="pca,tsne,opentsne,umap,pacmap,manifolds")
    parser.add_argument("--python", default=sys.executable, help="interpreter for the projectors")
    parser.add_argument("--timeout", type=float, default=900, help="seconds for one projector on one set")
    parser.add_argument("--one", help="measure this projector, or `vectors`, on one .npz here, print JSON")
    parser.add_argument("--core", type=int, help="with --one: the core to stay on")
    parser.add_argument("--seed", type=int, default=0, help="with --one: the projector's seed")
    parser.add_argument(
        "--gestures",
        type=int,
        default=0,
        metavar="N",
        help="with --one: count gestures to 95 % of N items",
    )
    return parser.parse_args()


def _table(named: str, arguments: argparse.Namespace) -> dict[str, Any]:
    name, _, path = named.partition("=")
    file = _vectors_file(name, Path(path))
    vectors, labels = _load(file)
    reference = _accuracy(_unit(vectors), labels)
    rows = []
    for projector in arguments.projectors.split(","):
        row = _in_fresh_process(projector, file, arguments)
        if "accuracy" in row:
            row["of vectors'"] = row["accuracy"] / reference
        print(name, row, flush=True)
        rows.append(row)
    return {
        "set": name,
        "items": len(vectors),
        "width": vectors.shape[1],
        "accuracy": reference,
        "rows": rows,
    }


def _in_fresh_process(projector: str, file: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    command = [arguments.python, __file__, str(file), "--one", projector]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=arguments.timeout, check=False)
    except subprocess.TimeoutExpired:
        return {"projector": projector, "note": f"not done after {arguments.timeout:.0f} s"}
    if done.returncode:
        return {"projector": projector, "note": done.stderr.strip().splitlines()[-1]}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _measure(name: str, file: Path, seed: int = 0, gestures: int = 0) -> dict[str, Any]:
    vectors, labels = _load(file)
    began = time.perf_counter()
    from shoal.projectors import PROJECTORS

    projector = PROJECTORS.load(name)(seed=seed)
    xy = projector.fit(vectors)
    cold = time.perf_counter() - began
    peak = _peak_megabytes()
    square = (xy - xy.min(axis=0)) / np.ptp(xy, axis=0).max()
    began = time.perf_counter()
    again = projector.fit(vectors, start=square)
    warm = time.perf_counter() - began
    tenth = len(vectors) // 10
    began = time.perf_counter()
    projector.place(vectors[:tenth], vectors[tenth:], square[tenth:])
    place = time.perf_counter() - began
    trust, kept = _faithfulness(_unit(vectors), xy)
    return {
        "projector": name,
        "accuracy": _accuracy(xy, labels),
        "trust": trust,
        "kept": kept,
        "cold s": cold,
        "warm s": warm,
        "moved": float(np.median(np.linalg.norm(again - square, axis=1))),
        "place s": place,
        "peak MB": peak,
        **({"gestures": _gestures(xy, labels, gestures)} if gestures else {}),
    }


def _gestures(xy: NDArray[np.float32], labels: Labels, most: int) -> int | None:
    from shoal.effort import measure_effort

    shown = _sample(len(xy), most)
    return measure_effort(xy[shown], labels[shown]).at[0.95]


def _peak_megabytes() -> float:
    # Not getrusage: its peak starts at that of the process this one was forked from.
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def _load(file: Path) -> tuple[Vectors, Labels]:
    with np.load(file, allow_pickle=False) as stored:
        return stored["vectors"], stored["labels"].astype(np.int64)


def _unit(vectors: Vectors) -> NDArray[np.float32]:
    wide = vectors.astype(np.float32)
    lengths = np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12)
    unit: NDArray[np.float32] = np.divide(wide, lengths, dtype=np.float32)
    return unit


def _accuracy(points: NDArray[np.float32], labels: Labels, k: int = 10) -> float:
    import faiss

    index = faiss.IndexFlatL2(points.shape[1])
    index.add(np.ascontiguousarray(points))
    asked = _sample(len(points), 10_000)
    found = index.search(np.ascontiguousarray(points[asked]), k + 1)[1]
    others = [row[row != item][:k] for row, item in zip(found, asked, strict=True)]
    return float(np.mean([np.bincount(labels[row]).argmax() for row in others] == labels[asked]))


def _faithfulness(vectors: NDArray[np.float32], xy: NDArray[np.float32], k: int = 10) -> tuple[float, float]:
    """Return trustworthiness and the share of neighbours kept; `vectors` (N, D) have unit length."""
    asked, items = _sample(len(xy), 1000), len(xy)
    penalty, kept = 0.0, 0
    for block in np.array_split(asked, -(-len(asked) // 50)):
        for item, alike in zip(block, vectors[block] @ vectors.T, strict=True):
            order = np.argsort(-alike, kind="stable")
            rank = np.empty(items, np.int64)
            rank[order[order != item]] = np.arange(1, items)
            away = ((xy - xy[item]) ** 2).sum(axis=1)
            away[item] = np.inf
            ranks = rank[np.argpartition(away, k)[:k]]
            penalty += float(np.maximum(ranks - k, 0).sum())
            kept += int((ranks <= k).sum())
    worst = len(asked) * k * (2 * items - 3 * k - 1) / 2
    return 1 - penalty / worst, kept / (len(asked) * k)


def _sample(items: int, most: int) -> NDArray[np.int64]:
    return np.random.default_rng(0).permutation(items)[:most]


def _vectors_file(name: str, path: Path) -> Path:
    if path.suffix == ".npz":
        return path
    file = CACHE / f"{name}.npz"
    if not file.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        vectors, labels = _embedded(path)
        np.savez(file, vectors=vectors, labels=labels)
    return file


def _embedded(path: Path) -> tuple[NDArray[np.float16], Labels]:
    from shoal.backbones import BACKBONES
    from shoal.images.decode import decode

    backbone = BACKBONES.load("efficientnet_lite0")()
    layer = backbone.layers()[-1].name
    files = sorted(file for file in path.glob("*/*") if file.suffix.lower() in {".jpg", ".jpeg", ".png"})
    order = _sample(len(files), len(files))
    vectors = []
    for at in range(0, len(files), 32):
        batch = [decode(files[k].read_bytes(), image_input=backbone.image_input) for k in order[at : at + 32]]
        vectors.append(backbone.embed(np.stack([decoded.pixels for decoded in batch]))[layer])
    labels = np.unique([file.parent.name for file in files], return_inverse=True)[1]
    return np.concatenate(vectors).astype(np.float16), labels[order]


def _markdown(machine: str, results: list[dict[str, Any]]) -> str:
    lines = [
        "# Projectors",
        "",
        f"Made by `benchmarks/projectors.py` (its head explains the columns); {machine}.",
    ]
    lines += ["Other work may have run beside it: compare within one table only.", ""]
    for result in results:
        lines += [f"## {result['set']}: {result['items']:,} items x {result['width']}", ""]
        lines += [f"Accuracy of the vectors themselves: {result['accuracy']:.3f}.", ""]
        lines += ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
        lines += ["| " + " | ".join(_cells(row)) + " |" for row in result["rows"]] + [""]
    return "\n".join(lines)


def _cells(row: dict[str, Any]) -> list[str]:
    if "note" in row:
        return [row["projector"], row["note"], *[""] * (len(COLUMNS) - 2)]
    form = {"of vectors'": ".1%", "cold s": ".1f", "warm s": ".1f", "place s": ".2f", "peak MB": ".0f"}
    return [row["projector"], *(format(row[column], form.get(column, ".3f")) for column in COLUMNS[1:])]


if __name__ == "__main__":
    main()
