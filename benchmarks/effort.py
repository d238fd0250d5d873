"""How many gestures until a pile is labelled? The simulated annotator of `shoal.effort`, on four sets.

    python benchmarks/effort.py --data FOLDER [--cache FOLDER] [--sets ...] [--arms ...] [--seeds 5] [--table]

FOLDER is what piles.py asks for. Everything dear is kept in the cache: vectors, maps, and one JSON file per
set, arm and seed, so that a killed run goes on where it was. Writes effort.json and effort.md beside this
script, and docs/pictures/effort.png; what effort.json already holds of other sets, arms and seeds stays, and
--table draws table and picture from it alone. docs/effort.md says what a gesture is.

CIFAR-100: the test images of 50 classes, which ones is the seed's choice. Elsewhere the seed changes the map,
the probe and the order of equal clicks.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from piles import SETS, TITLES, Pile, framed, half_width, mean, pile_of

from shoal.effort import (
    Effort,
    Learned,
    linear_probe,
    measure_clicks,
    measure_effort,
    most_uncertain,
    one_at_a_time,
)
from shoal.folders import cache_folder
from shoal.learning.probe import Probe

HERE = Path(__file__).parent
PICTURE = HERE.parent / "docs" / "pictures" / "effort.png"
TARGETS = (0.5, 0.8, 0.95)
Ints = NDArray[np.int64]


def rarer(gestures: int, *, last: list[int]) -> bool:
    """Ask for a round after every 5 gestures, and after 5 % more than before once that is more."""
    due = gestures - last[0] >= max(5, 0.05 * last[0])
    if due:
        last[0] = gestures
    return due


def static(pile: Pile, projector: str) -> Effort:
    return measure_effort(pile.map(projector), pile.truth, targets=TARGETS, seed=pile.seed)


def static_with_probe(pile: Pile, projector: str) -> Effort:
    """Keep the map; a logistic regression colours it, and its predictions can be accepted."""
    xy, probe = pile.map(projector), linear_probe(pile.vectors, seed=pile.seed)

    def learn(labels: Ints, _: Ints) -> Learned:
        return Learned(xy, *probe(labels))

    every = partial(rarer, last=[0])
    return measure_effort(xy, pile.truth, learn=learn, every=every, targets=TARGETS, seed=pile.seed)


def rounds(
    pile: Pile, *, most: int | None = None, watch: Callable[[Ints, Ints], None] = lambda *_: None
) -> Effort:
    """Learn in rounds as the program does, each from the map before; the head has no part in this.

    `most` ends it after so many gestures; `watch` is told the labels (N,) and gestures (N,) of every round.
    """
    from shoal.rounds import Guess, prepare, re_form

    first = pile.map("tsne")
    xy = framed(first)
    ready = prepare(pile.vectors, seed=pile.seed)
    nothing = Learned(xy, np.full(len(xy), -1), np.zeros(len(xy)))

    def learn(labels: Ints, gestures: Ints) -> Learned:
        nonlocal xy
        watch(labels, gestures)
        if len(np.unique(labels[labels >= 0])) < 2:
            return nothing
        guess = Guess.of(ready, labels, gestures=gestures)
        xy = re_form(ready, guess, xy, seed=pile.seed)
        return Learned(xy, guess.predictions, guess.confidence)

    every = partial(rarer, last=[0])
    return measure_effort(
        first, pile.truth, learn=learn, every=every, targets=TARGETS, most=most, seed=pile.seed
    )


def clicks(pile: Pile, *, typical: bool, accept: bool) -> Effort:
    known = pile.truth >= 0
    vectors = pile.vectors[known]
    choose = most_uncertain(seed=pile.seed)
    if typical:
        from shoal.suggestions import typical_first

        choose = typical_first(vectors, seed=pile.seed)
    probe = linear_probe(vectors, seed=pile.seed)
    return measure_clicks(
        pile.truth[known], probe, choose, every=5, growth=0.05, accept=accept, targets=TARGETS
    )


def told(pile: Pile) -> Effort:
    """Accept everything from a probe that was told the label of every other item, then correct one by one."""
    from shoal.rounds import prepare

    known = pile.truth >= 0
    truth = pile.truth[known]
    probe, held_out = Probe.fit(prepare(pile.vectors, seed=pile.seed).inputs[known], truth)
    right = int((probe.classes[held_out.argmax(axis=1)] == truth).sum())
    corrections = np.arange(len(truth) - right + 1)
    correct = right + corrections
    kinds = {"disc": 0, "correction": len(truth) - right, "click": 0, "accept": 1}
    return Effort(len(truth), TARGETS, corrections + 1, correct, correct, kinds, 1)


def alone(pile: Pile) -> Effort:
    return one_at_a_time(int((pile.truth >= 0).sum()), targets=TARGETS)


@dataclass(frozen=True)
class Arm:
    """One way of labelling: its letter in the table, what it is, and how it is simulated."""

    letter: str
    words: str
    run: Callable[[Pile], Effort]


ARMS = {
    "umap": Arm("a", "static umap-learn map of the last layer", partial(static, projector="umap")),
    "tsne": Arm("b", "Shoal's static map", partial(static, projector="tsne")),
    "tsne+probe": Arm(
        "b+",
        "Shoal's static map, linear probe's predictions to accept",
        partial(static_with_probe, projector="tsne"),
    ),
    "rounds": Arm("c", "Shoal with rounds", rounds),
    "uncertain": Arm(
        "d", "no map: linear probe, uncertainty clicks", partial(clicks, typical=False, accept=False)
    ),
    "typical": Arm(
        "d", "no map: linear probe, TypiClust clicks", partial(clicks, typical=True, accept=False)
    ),
    "uncertain+": Arm(
        "d+", "the same as uncertainty, predictions to accept", partial(clicks, typical=False, accept=True)
    ),
    "typical+": Arm(
        "d+", "the same as TypiClust, predictions to accept", partial(clicks, typical=True, accept=True)
    ),
    "alone": Arm("e", "one at a time", alone),
    "told": Arm("f", "no map: a probe told every other label, all accepted, then corrected", told),
}
WITHOUT_MAP = {"uncertain", "typical"}
"""Here the predictions are the labels: only what is adopted unseen can be counted."""


def main() -> None:
    arguments = _arguments()
    results = arguments.cache / "results"
    results.mkdir(parents=True, exist_ok=True)
    if not arguments.table:
        for seed, name, arm in _work(arguments):
            file = results / f"{name}.{arm}.{seed}.json"
            if not file.exists():
                _run(arguments, name, arm, seed, file)
    _write(_collected(results))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="the folder with caltech101/ and cifar100/")
    parser.add_argument("--cache", type=Path, default=(cache_folder() or Path()) / "benchmarks" / "effort")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--table", action="store_true", help="only draw table and picture anew")
    return parser.parse_args()


def _work(arguments: argparse.Namespace) -> Iterator[tuple[int, str, str]]:
    """List what is to be done: a whole comparison with one seed before the next seed."""
    for seed in range(arguments.seeds):
        for name in arguments.sets.split(","):
            for arm in arguments.arms.split(","):
                yield seed, name, arm


def _run(arguments: argparse.Namespace, name: str, arm: str, seed: int, file: Path) -> None:
    pile = pile_of(arguments.data, arguments.cache, name, seed)
    began = time.process_time()
    effort = ARMS[arm].run(pile)
    row = {
        "set": name,
        "arm": arm,
        "seed": seed,
        "items": effort.items,
        "at": {str(target): gestures for target, gestures in effort.at.items()},
        "adopting": {str(target): gestures for target, gestures in effort.at_adopting.items()},
        "area": effort.area,
        "kinds": effort.kinds,
        "rounds": effort.rounds,
        "cpu_s": time.process_time() - began,
        "curve": _thinned(effort, effort.adopted if arm in WITHOUT_MAP else effort.correct),
    }
    file.with_suffix(".part").write_text(json.dumps(row))
    os.replace(file.with_suffix(".part"), file)
    print({key: value for key, value in row.items() if key != "curve"}, flush=True)


def _thinned(effort: Effort, correct: Ints, most: int = 80) -> list[list[int]]:
    steps = np.unique(np.geomspace(1, len(correct), most).astype(int)) - 1
    return np.column_stack([effort.gestures, correct])[steps].tolist()


def _collected(results: Path) -> list[dict[str, Any]]:
    """Return the rows of effort.json, in whose place come those of this cache, set by set and arm by arm."""
    committed = json.loads((HERE / "effort.json").read_text())
    measured = [json.loads(file.read_text()) for file in results.glob("*.json")]
    rows = {(row["set"], row["arm"], row["seed"]): row for row in [*committed, *measured]}
    sets, arms = list(SETS), list(ARMS)
    return [rows[key] for key in sorted(rows, key=lambda k: (sets.index(k[0]), arms.index(k[1]), k[2]))]


def _write(rows: list[dict[str, Any]]) -> None:
    lines = ["# How many gestures until a pile is labelled?", "", HEAD, ""]
    for name in SETS:
        of_set = [row for row in rows if row["set"] == name]
        if of_set:
            lines += [f"## {TITLES[name]}: {of_set[0]['items']:,} items", "", *_table(of_set), ""]
            lines += [*_ratios(of_set), ""]
    (HERE / "effort.md").write_text("\n".join(lines).rstrip() + "\n")
    text = ",\n".join(json.dumps(row) for row in rows)
    (HERE / "effort.json").write_text(f"[\n{text}\n]\n")
    _plot(rows)


HEAD = """Made by `benchmarks/effort.py`; [docs/effort.md](../docs/effort.md) says what a gesture is and what
the simulated annotator knows. Mean over seeds with the 95 % interval of the mean (Student's t), of ratios
and in the picture too; fewer is better. "Looked at": every item counted as right was in a group she
looked at. "Adopting": at the end the predictions of all other items are taken over unseen, wrong ones
left in. Compare down one column. Rounds cost nothing; how many there were is in the last column. In the
picture (d) is drawn adopting, all others looked at.

![Correct labels over gestures, four sets](../docs/pictures/effort.png)"""


def _table(rows: list[dict[str, Any]]) -> list[str]:
    head = ["", "way", "seeds", "50 %", "80 %", "**95 %, looked at**", "**95 %, adopting**", "area"]
    head += ["discs + corrections + clicks + acceptances", "rounds"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for arm, about in ARMS.items():
        of_arm = [row for row in rows if row["arm"] == arm]
        if not of_arm:
            continue
        seen = arm not in WITHOUT_MAP
        predicts = arm not in {"umap", "tsne", "alone"}
        curve = "at" if seen else "adopting"
        cells = [about.letter, about.words, str(len(of_arm))]
        cells += [_reached([row[curve][target] for row in of_arm]) for target in ("0.5", "0.8")]
        cells += [_reached([row["at"]["0.95"] for row in of_arm]) if seen else "-"]
        cells += [_reached([row["adopting"]["0.95"] for row in of_arm]) if predicts else "-"]
        cells += [f"{np.mean([row['area'] for row in of_arm]):.3f}" if seen else "-"]
        kinds = [
            f"{np.mean([row['kinds'][kind] for row in of_arm]):,.0f}"
            for kind in ("disc", "correction", "click", "accept")
        ]
        cells += [" + ".join(kinds), f"{np.mean([row['rounds'] for row in of_arm]):.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _reached(values: list[int | None]) -> str:
    reached = [value for value in values if value is not None]
    if len(reached) < len(values) or not reached:
        return f"not reached by {len(values) - len(reached)} of {len(values)}"
    return mean(reached, 0)


RATIOS = [
    ("b", "tsne", "at", "a", "umap", "at"),
    ("b+", "tsne+probe", "at", "a", "umap", "at"),
    ("c", "rounds", "at", "a", "umap", "at"),
    ("c", "rounds", "at", "b+", "tsne+probe", "at"),
    ("c, adopting", "rounds", "adopting", "d, uncertainty", "uncertain", "adopting"),
    ("c, adopting", "rounds", "adopting", "d, TypiClust", "typical", "adopting"),
    ("c", "rounds", "at", "d+, uncertainty", "uncertain+", "at"),
    ("c", "rounds", "at", "d+, TypiClust", "typical+", "at"),
    ("c", "rounds", "at", "e", "alone", "at"),
    ("c", "rounds", "at", "f", "told", "at"),
]


def _ratios(rows: list[dict[str, Any]]) -> list[str]:
    """Say how many gestures to 95 % one way needs for each of another, over the seeds that both have."""
    lines = []
    for letter, arm, curve, against, rival, its in RATIOS:
        ours = {row["seed"]: row[curve]["0.95"] for row in rows if row["arm"] == arm}
        theirs = {row["seed"]: row[its]["0.95"] for row in rows if row["arm"] == rival}
        shares = [ours[s] / theirs[s] for s in ours.keys() & theirs.keys() if ours[s] and theirs[s]]
        if shares:
            apart = f" ± {half_width(shares):.2f}" if len(shares) > 1 else ""
            lines.append(f"- ({letter}) / ({against}) at 95 %: **{np.mean(shares):.2f}**{apart}")
    return lines


def _plot(rows: list[dict[str, Any]]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(11, 8), constrained_layout=True)
    colours = dict(zip(ARMS, plt.get_cmap("tab10").colors, strict=False))
    for name, axis in zip(SETS, axes.flat, strict=True):
        for arm, about in ARMS.items():
            curves = [row for row in rows if row["set"] == name and row["arm"] == arm and "curve" in row]
            if curves:
                unseen = ", adopting" if arm in WITHOUT_MAP else ""
                _band(axis, curves, colours[arm], f"({about.letter}) {arm}{unseen}")
        axis.set(title=TITLES[name], xscale="log", xlabel="gestures", ylabel="correct, %", ylim=(0, 100))
        axis.axhline(95, color="#999999", linewidth=0.6)
    lines, words = axes.flat[0].get_legend_handles_labels()
    figure.legend(lines, words, loc="outside lower center", ncols=5, frameon=False)
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=100)


def _band(axis: Any, rows: list[dict[str, Any]], colour: Any, label: str) -> None:
    last = max(row["curve"][-1][0] for row in rows)
    at = np.unique(np.geomspace(1, last, 300).astype(int))
    shares = []
    for row in rows:
        gestures, correct = np.array(row["curve"]).T
        step = np.searchsorted(gestures, at, side="right") - 1
        shares.append(np.where(step < 0, 0, correct[np.maximum(step, 0)]) * 100 / row["items"])
    middle = np.mean(shares, axis=0)
    axis.plot(at, middle, color=colour, label=label, linewidth=1.4)
    if len(shares) > 1:
        half = np.array([half_width(values) for values in np.transpose(shares)])
        axis.fill_between(at, middle - half, middle + half, color=colour, alpha=0.15, linewidth=0)


if __name__ == "__main__":
    main()
