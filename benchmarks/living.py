"""Which map should a round lay? Shoal's, a parametric one, or another package's.

    python benchmarks/living.py PART ... [--data FOLDER] [--cache FOLDER] [--sets ...] [--arms ...]
    python benchmarks/living.py table

PART is `maps` or `placing`; FOLDER is what piles.py asks for. Every measurement is kept in the cache, so that
a killed run goes on where it was. Writes living.json and living.md beside this script; what living.json
already holds stays.

maps: labels of half the classes, 10 each in a first round and 20 each in a second; the second map is judged.
placing: a fifth of the items comes later, and lands on the map of the others.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from piles import SETS, TITLES, framed, gathered, mean, pile_of
from scipy.stats import mode
from two_rounds import Case

from shoal.arrays import unit_vectors
from shoal.effort import measure_effort
from shoal.folders import cache_folder
from shoal.indices import neighbours_kept, trustworthiness
from shoal.indices.neighbourhood import nearest_neighbours
from shoal.projectors.affinities import Graph, affinities
from shoal.projectors.descent import natural_scale
from shoal.projectors.neighbours import nearest, nearest_among
from shoal.projectors.placing import place_among
from shoal.projectors.registration import register
from shoal.rounds import re_form

HERE = Path(__file__).parent
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Row = dict[str, Any]


@dataclass(frozen=True)
class Drawn:
    """The map of the second round, that of the first where it was drawn, and processor seconds."""

    xy: Floats
    before: Floats | None = None
    warm: float | None = None
    cold: float | None = None


def timed(draw: Callable[[], Floats]) -> tuple[Floats, float]:
    began = time.process_time()
    return np.asarray(draw(), np.float32), time.process_time() - began


def static(case: Case) -> Drawn:
    from shoal.projectors import PROJECTORS

    xy, cold = timed(lambda: PROJECTORS.load("tsne")(seed=case.pile.seed).fit(case.pile.vectors))
    return Drawn(xy, cold=cold)


def rounds(case: Case) -> Drawn:
    one, two = case.guesses
    before = re_form(case.ready, one, case.static, seed=case.pile.seed)
    xy, warm = timed(lambda: re_form(case.ready, two, before, seed=case.pile.seed))
    return Drawn(xy, before, warm)


def living(case: Case, *, weight: float, steps: int = 200) -> Drawn:
    """Start from the map on the page, distilled into the network, and go on from round to round."""
    from parametric import Parametric, distil, neighbour_embedding

    network = Parametric(case.inputs.shape[1], seed=case.pile.seed)

    def begin() -> Floats:
        distil(network, case.inputs, _in_its_units(case.static, case.graph(0)), steps=600)
        return network.place(case.inputs)

    def go_on(number: int) -> Floats:
        neighbour_embedding(
            network, case.inputs, case.graph(number), case.labels[number], steps=steps, weight=weight
        )
        return network.place(case.inputs)

    cold = timed(begin)[1]
    before = register(go_on(0), case.static)
    xy, warm = timed(lambda: go_on(1))
    return Drawn(register(xy, before), before, warm, cold)


def annealed(case: Case, *, weight: float) -> Drawn:
    """From nothing: 16 numbers first, then the plane; the second round goes on."""
    from parametric import Parametric, neighbour_embedding

    network = Parametric(case.inputs.shape[1], seed=case.pile.seed)
    train = partial(neighbour_embedding, network, case.inputs, weight=weight)

    def begin() -> Floats:
        graph = case.graph(0)
        train(graph=graph, labels=case.labels[0], steps=600, deep=True)
        network.face(case.inputs, _in_its_units(case.static, graph))
        train(graph=graph, labels=case.labels[0], steps=400)
        return network.place(case.inputs)

    def go_on() -> Floats:
        train(graph=case.graph(1), labels=case.labels[1], steps=200)
        return network.place(case.inputs)

    before, cold = timed(begin)
    before = register(before, case.static)
    xy, warm = timed(go_on)
    return Drawn(register(xy, before), before, warm, cold)


def through_a_network(case: Case) -> Drawn:
    """Teach the rounds' own map to a network; what it says is the map."""
    from parametric import Parametric, distil

    two = rounds(case)
    network = Parametric(case.inputs.shape[1], seed=case.pile.seed)

    def learn() -> Floats:
        distil(network, case.inputs, _in_its_units(two.xy, case.graph(1)), steps=600)
        return network.place(case.inputs)

    xy, cold = timed(learn)
    return Drawn(register(xy, two.xy), cold=cold)


def _in_its_units(xy: Floats, graph: Graph) -> Floats:
    centred = xy - xy.mean(axis=0)
    return (centred * natural_scale(graph, centred, 1.0, seed=0)).astype(np.float32)


def umap(case: Case, *, of: str) -> Drawn:
    import umap as package

    def fit(space: Floats, labels: Ints | None) -> Floats:
        method = package.UMAP(random_state=case.pile.seed, n_jobs=1)
        return method.fit_transform(space) if labels is None else method.fit_transform(space, labels)

    package.UMAP(n_epochs=1, random_state=0, n_jobs=1).fit(case.inputs[:300])  # compiled outside the clock
    if of != "labels":
        space = case.inputs if of == "vectors" else case.deep
        xy, cold = timed(lambda: fit(space, None))
        return Drawn(xy, cold=cold)
    xy, cold = timed(lambda: fit(case.inputs, case.labels[1]))
    before = framed(fit(case.inputs, case.labels[0]))
    return Drawn(register(xy, before), before, cold=cold)


def pacmap(case: Case) -> Drawn:
    import pacmap as package

    def fit(space: Floats) -> Floats:
        return package.PaCMAP(apply_pca=False, random_state=case.pile.seed).fit_transform(space.copy())

    fit(case.inputs[:300])
    xy, cold = timed(lambda: fit(case.inputs))
    return Drawn(xy, cold=cold)


def opentsne(case: Case, *, of: str) -> Drawn:
    from openTSNE import TSNE

    space = case.inputs if of == "vectors" else case.deep
    xy, cold = timed(lambda: TSNE(random_state=case.pile.seed, n_jobs=1).fit(space))
    return Drawn(xy, cold=cold)


ARMS: dict[str, tuple[str, Callable[[Case], Drawn]]] = {
    "static": ("Shoal's static t-SNE, no labels", static),
    "rounds": ("**Shoal's rounds**: the same t-SNE, warm, predictions in its graph", rounds),
    "living": ("parametric, from the map on the page", partial(living, weight=0.0)),
    "living+silhouette": ("the same, silhouette on the labelled", partial(living, weight=1.0)),
    "annealed": ("parametric, 16-d then 2-d, silhouette", partial(annealed, weight=1.0)),
    "network": ("the rounds' map, taught to a network", through_a_network),
    "umap": ("umap-learn", partial(umap, of="vectors")),
    "umap-labels": ("umap-learn, supervised, refitted each round", partial(umap, of="labels")),
    "umap-16": ("umap-learn on the learned 16-d", partial(umap, of="head")),
    "pacmap": ("PaCMAP", pacmap),
    "opentsne": ("openTSNE", partial(opentsne, of="vectors")),
    "opentsne-16": ("openTSNE on the learned 16-d", partial(opentsne, of="head")),
}


def judged(case: Case, arm: str) -> Row:
    drawn, truth, labels = ARMS[arm][1](case), case.pile.truth, case.labels[1]
    xy = drawn.xy.astype(np.float32)
    known = np.flatnonzero(truth >= 0)
    right = mode(truth[known][nearest_neighbours(xy[known], 10)], axis=1).mode == truth[known]
    named, left = np.isin(truth[known], case.named), known[labels[known] < 0]
    row: Row = {
        "named": float(right[named & (labels[known] < 0)].mean()),
        "unnamed": float(right[~named].mean()),
        "kept": neighbours_kept(case.pile.vectors, xy),
        "trust": trustworthiness(case.pile.vectors, xy),
        "gestures": measure_effort(xy[left], truth[left]).at[0.95],
        "cold": drawn.cold,
        "warm": drawn.warm,
        "moved": None,
    }
    if drawn.before is not None:
        away = np.linalg.norm(xy - drawn.before, axis=1)[labels < 0]
        row["moved"] = float(np.median(away) / np.ptp(drawn.before, axis=0).max())
    return row


def placing(case: Case) -> Row:
    """Put a fifth of the items on the map of the others, among their neighbours or by a network."""
    from parametric import Parametric, distil

    draw = np.random.default_rng(case.pile.seed)
    new = draw.random(len(case.pile.truth)) < 0.2
    vectors, xy = case.pile.vectors, rounds(case).xy
    graph = affinities(nearest(np.ascontiguousarray(case.inputs[~new]), 30), 15)
    network = Parametric(case.inputs.shape[1], seed=case.pile.seed)
    target = _in_its_units(xy[~new], graph)
    learning = timed(lambda: distil(network, case.inputs[~new], target, steps=1000) or target)[1]
    found = {
        "among its neighbours (Shoal)": (
            timed(lambda: place_among(vectors[new], vectors[~new], xy[~new])),
            xy,
        ),
        "one pass of a network": (timed(lambda: network.place(case.inputs[new])), None),
    }
    rows: Row = {}
    for way, ((places, seconds), onto) in found.items():
        frame = target if onto is None else xy[~new]
        rows[way] = _landed(case, new, places, frame) | {"ms": 1000 * seconds * 1000 / new.sum()}
    rows["one pass of a network"]["learning"] = learning
    return rows


def _landed(case: Case, new: NDArray[np.bool_], places: Floats, frame: Floats) -> Row:
    truth = case.pile.truth
    on_map = nearest_among(places, np.ascontiguousarray(frame), 10).ids
    unit = unit_vectors(case.pile.vectors)
    true = nearest_among(unit[new], unit[~new], 10).ids
    kept = np.mean([len(np.intersect1d(a, b)) / 10 for a, b in zip(on_map, true, strict=True)])
    asked = truth[new] >= 0
    votes = mode(truth[~new][on_map[asked]], axis=1).mode
    return {"right": float((votes == truth[new][asked]).mean()), "kept": float(kept)}


def main() -> None:
    arguments = _arguments()
    kept = arguments.cache / "living"
    kept.mkdir(parents=True, exist_ok=True)
    if "table" not in arguments.parts:
        for name in arguments.sets.split(","):
            for seed in range(arguments.seeds):
                _measure(arguments, kept, name, seed)
    rows = gathered(HERE / "living.json", kept)
    (HERE / "living.md").write_text(_report(rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="+", choices=["maps", "placing", "table"])
    parser.add_argument("--data", type=Path, help="the folder with caltech101/ and cifar100/")
    parser.add_argument("--cache", type=Path, default=(cache_folder() or Path()) / "benchmarks" / "effort")
    parser.add_argument("--sets", default="caltech101,emoji,fashion")
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--seeds", type=int, default=3)
    return parser.parse_args()


def _measure(arguments: argparse.Namespace, kept: Path, name: str, seed: int) -> None:
    case = Case.of(pile_of(arguments.data, arguments.cache, name, seed))
    work: dict[str, Callable[[Case], Row]] = {}
    if "maps" in arguments.parts:
        work |= {f"maps.{name}.{arm}.{seed}": partial(judged, arm=arm) for arm in arguments.arms.split(",")}
    if "placing" in arguments.parts:
        work[f"placing.{name}.{seed}"] = placing
    for key, measure in work.items():
        file = kept / f"{key}.json"
        if not file.exists():
            row = measure(case)
            file.with_suffix(".part").write_text(json.dumps(row))
            os.replace(file.with_suffix(".part"), file)
            print(key, row, flush=True)


COLUMNS = {
    "named": ("10-NN, named classes", 3),
    "unnamed": ("10-NN, classes nobody named", 3),
    "kept": ("ten nearest kept", 3),
    "trust": ("trustworthiness", 3),
    "gestures": ("gestures to 95 % of the rest", 0),
    "moved": ("median way between rounds", 3),
    "cold": ("processor s, from nothing", 1),
    "warm": ("a round", 1),
}


def _report(rows: dict[str, Row]) -> str:
    lines = ["# The map of a round: ours, a network's, and others'", "", HEAD, ""]
    for name in SETS:
        of_set = {key: row for key, row in rows.items() if key.split(".")[:2] == ["maps", name]}
        if not of_set:
            continue
        lines += [f"## {TITLES[name]}", ""]
        lines += ["| map | seeds | " + " | ".join(title for title, _ in COLUMNS.values()) + " |"]
        lines += ["|---" * (len(COLUMNS) + 2) + "|"]
        for arm, (words, _) in ARMS.items():
            found = [row for key, row in of_set.items() if key.split(".")[2] == arm]
            if found:
                cells = [mean([row[key] for row in found], digits) for key, (_, digits) in COLUMNS.items()]
                lines.append(f"| {words} | {len(found)} | " + " | ".join(cells) + " |")
        lines += [""]
    return "\n".join([*lines, *_placing_report(rows)]).rstrip() + "\n"


HEAD = """Made by `benchmarks/living.py`. Labels of half the classes, 10 each in a first round, 20 each in the
second, whose map is judged; means over seeds with the 95 % interval of the mean (Student's t). 10-NN: the
share of unlabelled items whose ten nearest on the map are mostly of their class. Kept and trustworthiness are
against the vectors. Gestures: of the simulated annotator on that map, standing still, for the items without a
label. The way is in widths of the map. Processor seconds, one thread, on a machine with other work: loose."""


def _placing_report(rows: dict[str, Row]) -> list[str]:
    lines = ["## New images on the map", "", PLACING, ""]
    lines += [
        "| set | way | seeds | of the class around it | ten nearest kept | ms for 1,000 | learning, s |"
    ]
    lines += ["|---" * 7 + "|"]
    for name in SETS:
        found = [row for key, row in rows.items() if key.startswith(f"placing.{name}.")]
        for way in found[0] if found else []:
            cells = [mean([row[way].get(key) for row in found], 3) for key in ("right", "kept")]
            cells += [mean([row[way].get(key) for row in found], 0) for key in ("ms", "learning")]
            lines.append(f"| {TITLES[name]} | {way} | {len(found)} | " + " | ".join(cells) + " |")
    return lines


PLACING = """A fifth of the items lands on the map of the others: among its ten nearest vectors, or by one
pass of a network that has learned that map. In both cases the vectors are there already."""


if __name__ == "__main__":
    main()
