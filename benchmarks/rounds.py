"""A round: how long, how steady, how well for classes without a name, and how far it can be believed.

    python benchmarks/rounds.py PART ... [--data FOLDER] [--cache FOLDER] [--sets ...] [--seeds 5]
    python benchmarks/rounds.py table

PART is `time`, `command`, `steady`, `unseen` or `belief`; FOLDER is what piles.py asks for. Every
measurement is kept in the cache, so that a killed run goes on where it was. Writes rounds.json and rounds.md
beside this script; what rounds.json holds of other parts, sets and seeds stays.

time: label to new map and predictions, everything prepared once before, against what one would do without
Shoal: scikit-learn's LogisticRegression on the same labels and a fresh umap-learn map. Vectors are generated
(512 wide, 50 classes, 10 labels each): time depends on their number only.
command: what a person waits for, since every round is a process of its own: `shoal learn` on a mapped set
with 20 labels a class, from the shell to the shell, the first time and again, and from the page's key to the
round that is saved, where a process stands by; the rival is a new process too, that reads the same vectors.
steady: 100 labels, then 100 more; how far unlabelled items move between the two rounds, in widths of the map.
unseen: labels (20 each) of half the classes; measured on the items of the other half alone.
belief: calibration and what accepting predictions gets right (belief.py), on all unlabelled items, those of
classes without a name too, for which no prediction is right; how many of these are said to be none of these,
and of the others. With labels drawn by chance, after gestures on a map that stays, and after gestures with
rounds, where what was sure and right is accepted and gone.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from belief import BELIEVED, belief, believed_row, classes_of, each_of
from numpy.typing import NDArray
from piles import SETS, TITLES, Pile, framed, gathered, mean, pile_of

import shoal
from shoal.arrays import unit_vectors
from shoal.folders import cache_folder
from shoal.indices import ami, knn_accuracy, neighbours_kept, nmi, recall_at_k
from shoal.job import JobLauncher
from shoal.projectors.registration import register
from shoal.rounds import Guess, Prepared, learn_round, prepare, re_form
from shoal.workspace import Workspace

HERE = Path(__file__).parent
UMAP_MOST = 100_000
"""Above so many items the rival is left out: it would take this machine as long as all the rest."""
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Row = dict[str, Any]


def time_round(items: int) -> Row:
    vectors, labels = _generated(items)
    row: Row = {"items": items}
    began = time.perf_counter()
    ready = prepare(vectors)
    row["prepare"] = time.perf_counter() - began
    learn_round(vectors[:500], labels[:500])  # torch is loaded when a round is asked for the second time
    start = re_form(ready, Guess.of(ready, labels), None)
    began = time.perf_counter()
    report = learn_round(vectors, labels, start=start, prepared=ready).report
    row["round"] = time.perf_counter() - began
    row["steps"] = report.seconds
    if items <= UMAP_MOST:
        row |= _without_shoal(vectors, labels)
    return row


def _generated(items: int, width: int = 512, classes: int = 50) -> tuple[NDArray[np.float16], Ints]:
    random = np.random.default_rng(0)
    truth = random.integers(classes, size=items)
    middles = random.standard_normal((classes, width)).astype(np.float32)
    vectors = np.empty((items, width), np.float16)
    for at in range(0, items, 8192):
        part = truth[at : at + 8192]
        vectors[at : at + 8192] = middles[part] + 1.5 * random.standard_normal((len(part), width))
    labels = np.full(items, -1)
    for k in range(classes):
        labels[np.flatnonzero(truth == k)[:10]] = k
    return vectors, labels


def _without_shoal(vectors: NDArray[np.float16], labels: Ints) -> Row:
    import umap
    from sklearn.linear_model import LogisticRegression

    floats, rows = vectors.astype(np.float32), np.flatnonzero(labels >= 0)
    began = time.perf_counter()
    LogisticRegression(max_iter=1000).fit(floats[rows], labels[rows]).predict_proba(floats)
    probe = time.perf_counter() - began
    umap.UMAP(n_epochs=1).fit(floats[:500])  # compiled before the clock runs
    began = time.perf_counter()
    umap.UMAP().fit(floats)
    return {"logistic": probe, "umap": time.perf_counter() - began}


def command(arguments: argparse.Namespace, name: str) -> Row:
    pile = pile_of(arguments.data, arguments.cache, name, 0, whole=True)
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "w.shoal"
        shutil.copytree(arguments.cache / f"{name}.shoal", copy)
        labels = each_of(pile, classes_of(pile, 1), 20)
        with shoal.open(into=copy) as workspace:
            ids = workspace.embedding().ids
            for k in np.unique(labels[labels >= 0]):
                workspace.label(ids[labels == k], f"class {k}")
        row = {"items": len(pile.truth)}
        for turn in ("first", "again"):
            row[turn] = _seconds("-m", "shoal", "learn", str(copy))
        row["page"] = _on_page(copy)
        np.savez(Path(scratch) / "rival.npz", vectors=pile.vectors, labels=labels)
        row["rival"] = _seconds("-c", RIVAL, str(Path(scratch) / "rival.npz"))
    return row


RIVAL = """
import sys, numpy, umap
from sklearn.linear_model import LogisticRegression
stored = numpy.load(sys.argv[1])
vectors, labels = stored["vectors"], stored["labels"]
known = labels >= 0
LogisticRegression(max_iter=1000).fit(vectors[known], labels[known]).predict_proba(vectors)
umap.UMAP().fit(vectors)
"""


def _on_page(path: Path) -> float:
    with Workspace.open(path) as workspace:
        launcher = JobLauncher(workspace, rest_s=0)
        for _ in range(2):
            began = time.perf_counter()
            job = launcher("learn")
            while workspace.jobs.get(job).state not in {"done", "failed"}:
                time.sleep(0.02)
            seconds = time.perf_counter() - began
            time.sleep(20)  # the next process gets ready
        launcher.stop_all()
    return seconds


def _seconds(*arguments: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - began


def steady(pile: Pile) -> Row:
    first, second = _labels(pile, 100), _labels(pile, 200)
    ready, static = prepare(pile.vectors, seed=pile.seed), framed(pile.map("tsne"))
    one, two = Guess.of(ready, first), Guess.of(ready, second)
    before = re_form(ready, one, static, seed=pile.seed)
    asked = np.flatnonzero(second < 0)
    fresh = re_form(ready, two, None, seed=pile.seed + 100)
    maps = {
        "warm start, registered (Shoal)": (before, re_form(ready, two, before, seed=pile.seed)),
        "fresh start": (before, fresh),
        "fresh start, registered": (before, register(fresh, before)),
    }
    refit = [_umap(np.concatenate([ready.inputs, guess.pull], axis=1), pile.seed) for guess in (one, two)]
    maps["umap-learn refitted"] = (refit[0], refit[1])
    maps["umap-learn refitted, registered"] = (refit[0], register(refit[1], refit[0]))
    return {
        way: {
            "moved": float(np.median(np.linalg.norm(new - old, axis=1)[asked])),
            "kept": neighbours_kept(old[asked], new[asked]),
        }
        for way, (old, new) in maps.items()
    }


def _umap(points: Floats, seed: int) -> Floats:
    import umap

    return framed(umap.UMAP(random_state=seed, n_jobs=1).fit_transform(points))


def unseen(pile: Pile) -> Row:
    random = np.random.default_rng(pile.seed)
    classes = random.permutation(np.unique(pile.truth[pile.truth >= 0]))
    named = classes[: len(classes) // 2]
    labels = np.full(len(pile.truth), -1)
    for k in named:
        labels[random.permutation(np.flatnonzero(pile.truth == k))[:20]] = k
    asked = np.isin(pile.truth, classes[len(classes) // 2 :])
    start = framed(pile.map("tsne"))
    ready = prepare(pile.vectors, seed=pile.seed)
    results = {
        loss: learn_round(pile.vectors, labels, start=start, prepared=ready, loss=loss, seed=pile.seed)
        for loss in ("silhouette", "supcon")
    }
    raw = unit_vectors(pile.vectors.astype(np.float32))
    spaces = {
        "raw layer": raw,
        "raw layer, PCA to 16": ready.inputs[:, :16],
        "LDA on the named classes, 16": _lda(ready, labels),
        "head, silhouette, 16": results["silhouette"].embedding,
        "head, SupCon, 16": results["supcon"].embedding,
        "map: umap-learn": pile.map("umap"),
        "map: Shoal's static": start,
        "map: Shoal's, after the round": results["silhouette"].xy,
    }
    return {name: _judged(space[asked], pile.truth[asked], pile.seed) for name, space in spaces.items()}


def _lda(ready: Prepared, labels: Ints) -> Floats:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    rows = np.flatnonzero(labels >= 0)
    wide = min(16, len(np.unique(labels[rows])) - 1)
    model = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto", n_components=wide)
    model.fit(ready.inputs[rows], labels[rows])
    found: Floats = model.transform(ready.inputs).astype(np.float32)
    return found


def _judged(space: Floats, truth: Ints, seed: int) -> dict[str, float]:
    from sklearn.cluster import KMeans

    number = len(np.unique(truth))
    found = KMeans(number, n_init=10, random_state=seed).fit_predict(space)
    return {
        "NMI": nmi(truth, found),
        "AMI": ami(truth, found),
        "10-NN": knn_accuracy(space, truth),
        "Recall@1": recall_at_k(space, truth, 1),
    }


def _labels(pile: Pile, count: int) -> Ints:
    rows = np.random.default_rng(pile.seed).permutation(np.flatnonzero(pile.truth >= 0))[:count]
    labels = np.full(len(pile.truth), -1)
    labels[rows] = pile.truth[rows]
    return labels


PARTS: dict[str, Callable[[Pile], Row]] = {"steady": steady, "unseen": unseen, "belief": belief}


def main() -> None:
    arguments = _arguments()
    kept = arguments.cache / "rounds"
    kept.mkdir(parents=True, exist_ok=True)
    for name, measure in _work(arguments):
        file = kept / f"{name}.json"
        if not file.exists():
            row = measure()
            file.with_suffix(".part").write_text(json.dumps(row))
            os.replace(file.with_suffix(".part"), file)
            print(name, row, flush=True)
    rows = gathered(HERE / "rounds.json", kept)
    (HERE / "rounds.md").write_text(_report(rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="+", choices=["time", "command", *PARTS, "table"])
    parser.add_argument("--data", type=Path, help="the folder with caltech101/ and cifar100/")
    parser.add_argument("--cache", type=Path, default=(cache_folder() or Path()) / "benchmarks" / "effort")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sizes", default="3000,10000,70000,1000000")
    return parser.parse_args()


def _work(arguments: argparse.Namespace) -> Iterator[tuple[str, Callable[[], Row]]]:
    if "time" in arguments.parts:
        for items in map(int, arguments.sizes.split(",")):
            yield f"time.{items}", partial(time_round, items)
    if "command" in arguments.parts:
        for name in arguments.sets.split(","):
            yield f"command.{name}", partial(command, arguments, name)
    for seed in range(arguments.seeds):
        for name in arguments.sets.split(","):
            for part in PARTS.keys() & set(arguments.parts):
                yield f"{part}.{name}.{seed}", partial(_on, arguments, name, seed, PARTS[part])


def _on(arguments: argparse.Namespace, name: str, seed: int, measure: Callable[[Pile], Row]) -> Row:
    return measure(pile_of(arguments.data, arguments.cache, name, seed))


def _report(rows: dict[str, Row]) -> str:
    lines = ["# Rounds, measured", "", "Made by `benchmarks/rounds.py`, which says what everything is.", ""]
    lines += ["## Seconds", "", *_time_table([row for name, row in rows.items() if name[:5] == "time."]), ""]
    commands = {name[8:]: row for name, row in rows.items() if name[:8] == "command."}
    if commands:
        lines += ["From the shell to the shell (`command`):", "", *_command_table(commands), ""]
    for part, (title, head, cells) in TABLES.items():
        lines += [f"## {title}", ""]
        if not any(key.startswith(f"{part}.") for key in rows):
            lines += [f"Not run yet: `python benchmarks/rounds.py {part}`.", ""]
        for name in SETS:
            found = [row for key, row in rows.items() if key.startswith(f"{part}.{name}.")]
            if found:
                lines += [
                    f"{TITLES[name]}, {len(found)} seeds:",
                    "",
                    head,
                    "|---" * head[1:].count("|") + "|",
                ]
                lines += [cells(way, [row[way] for row in found if row.get(way)]) for way in found[0]]
                lines += [""]
    return "\n".join(lines).rstrip() + "\n"


def _time_table(rows: list[Row]) -> list[str]:
    lines = [
        "| items | prepared once | a round | head / map | LogisticRegression + umap-learn | times faster |"
    ]
    lines += ["|---|---|---|---|---|---|"]
    for row in sorted(rows, key=lambda row: row["items"]):
        steps = row["steps"]
        cells = [f"{row['items']:,}", f"{row['prepare']:.1f} s", f"**{row['round']:.1f} s**"]
        cells += [f"{steps['training the head']:.1f} / {steps['laying the map']:.1f} s"]
        if "umap" in row:
            rival = row["logistic"] + row["umap"]
            cells += [f"{row['logistic']:.1f} + {row['umap']:.1f} s", f"{rival / row['round']:.1f}"]
        else:
            cells += ["not run", "-"]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _command_table(rows: dict[str, Row]) -> list[str]:
    head = ["set", "items", "`shoal learn`, first", "again", "on the page", "LogisticRegression + umap-learn"]
    head += ["times faster: again, on the page"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for name, row in rows.items():
        times = [row[key] for key in ("first", "again", "page", "rival")]
        cells = [TITLES[name].split(",")[0], f"{row['items']:,}", *(f"{value:.1f} s" for value in times)]
        cells += [f"{row['rival'] / row['again']:.1f}, {row['rival'] / row['page']:.1f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _measured(keys: tuple[str, ...], way: str, rows: list[Row]) -> str:
    return "| " + " | ".join([way, *(mean([row[key] for row in rows]) for key in keys)]) + " |"


TABLES: dict[str, tuple[str, str, Callable[[str, list[Row]], str]]] = {
    "steady": (
        "How far unlabelled items move from round to round",
        "| way | median way, in widths of the map | ten nearest on the map kept |",
        partial(_measured, ("moved", "kept")),
    ),
    "unseen": (
        "Classes that nobody has named",
        "| space | NMI | AMI | 10-NN | Recall@1 |",
        partial(_measured, ("NMI", "AMI", "10-NN", "Recall@1")),
    ),
    "belief": (
        "How far predictions can be believed",
        BELIEVED,
        believed_row,
    ),
}


if __name__ == "__main__":
    main()
