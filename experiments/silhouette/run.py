"""Train heads with every loss on half of the classes, and judge them on the other half."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments import judged, splits
from experiments.plots import plane
from experiments.running import Case, Experiment, Row, Scale
from experiments.silhouette import counting, report
from experiments.silhouette.sets import Part, parts, split_of
from experiments.tuning import FROM_PCA, METHODS, Budget, train, tune

LAST = "head"
"""The layer that heads are trained on."""
BATCHES = ((50, 2), (32, 4), (16, 8), (8, 16), (4, 32))
SIZES: dict[Scale, dict[str, int]] = {
    "smoke": {"train": 10, "test": 6, "trials": 1, "steps": 10},
    "short": {"train": 40, "test": 40, "trials": 6, "steps": 120},
    "full": {"train": 500, "test": 100, "trials": 12, "steps": 600},
}
CLOSED = ("unit", "PCA", "LDA")
SHOWN = 10
"""How many classes, 30 items each, are kept as positions for the picture."""


def cases(scale: Scale, seeds: int) -> list[Case]:
    """List every split, method and width; then the layers, then the counting."""
    smoke = scale == "smoke"
    methods = ["silhouette", "triplet"] if smoke else list(METHODS)
    closed = ["PCA", "LDA"] if smoke else list(CLOSED)
    common: Case = {**SIZES[scale], "smoke": smoke}
    some: list[Case] = []
    for split, number in (("random", 1 if smoke else seeds), ("hard", 0 if smoke else min(3, seeds))):
        for seed in range(number):
            here = {**common, "split": split, "seed": seed}
            some += [{**here, "method": name, "width": 16} for name in [*methods, *FROM_PCA, *closed]]
            if split == "random":
                flat = methods[:1] if smoke else [*methods, "PCA"]
                some += [{**here, "method": name, "width": 2} for name in flat]
                layers = _layers(smoke=smoke)[-1 if smoke else 0 :]
                some += [{**here, "method": "layer", "layer": layer} for layer in layers]
    batches = ((3, 2),) if smoke else BATCHES
    counts = [{**common, "split": "random", "method": "count", "P": p, "K": k, "seed": 0} for p, k in batches]
    return [*some, *counts]


def _layers(*, smoke: bool) -> list[str]:
    from shoal.backbones import BACKBONES

    network = BACKBONES.load("placeholder" if smoke else "efficientnet_lite0")()
    return [layer.name for layer in network.layers()]


def measure(case: Case) -> Row:
    """Return every number of one method on one split, on the unseen classes and on the seen ones."""
    sizes = {name: int(case[name] or 0) for name in ("train", "test", "trials", "steps")}
    learned, asked, _ = parts(sizes["train"], sizes["test"], smoke=bool(case["smoke"]))
    layer = str(case.get("layer") or (list(learned.layers)[-1] if case["smoke"] else LAST))
    split, seed = split_of(case), int(case["seed"] or 0)
    known = splits.known_part(learned.layers[layer], learned.labels, split)
    if case["method"] == "count":
        narrow = _closed("PCA", known, 16)(known.vectors)
        return counting.count(narrow, known.labels, int(case["P"] or 0), int(case["K"] or 0), seed)
    embed, facts = _method(case, known, sizes, seed)
    return {
        **facts,
        **_numbers(embed, asked, layer, split, seed, with_map=case.get("width") == 16),
    }


def _method(case: Case, known: splits.Known, sizes: dict[str, int], seed: int) -> tuple[Any, dict[str, Any]]:
    """Return the function from vectors to the embedding, and what was chosen on the way."""
    name, width = str(case["method"]), int(case.get("width") or 0)
    if name == "layer":
        return judged.unit, {}
    if name in CLOSED:
        return _closed(name, known, width), {}
    classes = min(16, len(np.unique(known.labels)) - len(known.tuning))
    budget = Budget(sizes["trials"], sizes["steps"], classes=classes)
    method = (METHODS | FROM_PCA)[name]
    choice = tune(known, method, width, budget, seed)
    trained = train(
        known.vectors, known.labels, method, choice.settings, width=width, budget=budget, seed=seed
    )
    facts = {"settings": choice.settings, "tried": choice.trials, "training": trained.history[-1].seconds}
    return trained.embed, facts


def _closed(name: str, known: splits.Known, width: int) -> Any:
    """Return an embedding that is not trained step by step: of the seen classes' training vectors alone."""
    if name == "unit":
        return judged.unit
    rows = judged.unit(known.vectors)
    if name == "PCA":
        from sklearn.decomposition import PCA

        fitted = PCA(min(width, *rows.shape), random_state=0).fit(rows)
    else:
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

        most = min(width, len(np.unique(known.labels)) - 1)
        fitted = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto", n_components=most)
        fitted.fit(rows, known.labels)
    return lambda vectors: fitted.transform(judged.unit(vectors)).astype(np.float32)


def _numbers(
    embed: Any, asked: Part, layer: str, split: splits.ClassSplit, seed: int, *, with_map: bool
) -> Row:
    found: Row = {}
    for part, classes in (("unseen", split.unseen), ("seen", split.seen)):
        rows, labels = asked.of(classes)
        z = embed(asked.layers[layer][rows].astype(np.float32))
        found[part] = judged.judge(z, labels, seed=seed)
        if with_map and part == "unseen":
            few = np.concatenate([np.flatnonzero(labels == k)[:20] for k in classes])
            found[part]["knn_map"] = judged.on_map(z[few], labels[few], seed=seed)
        if z.shape[1] == 2 and seed == 0:
            found[f"xy_{part}"] = _positions(z, labels, classes)
    return found


def _positions(z: NDArray[np.float32], labels: NDArray[np.int64], classes: NDArray[np.int64]) -> Row:
    """Return 30 items of each of the first classes, for the picture."""
    few = np.concatenate([np.flatnonzero(labels == k)[:30] for k in classes[:SHOWN]])
    return plane(z[few], labels[few])


EXPERIMENT = Experiment(
    name="silhouette",
    question="Does the silhouette as a loss separate classes that it has never seen?",
    source="The blog post on the silhouette loss: CIFAR-100, 50 classes seen and 50 unseen, against "
    "contrastive loss, triplet loss, cross-entropy and COREL, judged by silhouettes. Its numbers could not be "
    "recovered; it trained a ResNet-34 end to end, so they could not stand beside these anyway.",
    shortened="frozen EfficientNet-Lite0 features and a head on top, no fine-tuning; 40 of 500 training and 40 "
    "of 100 test pictures a class; 6 trials a loss and 120 steps; the hard split with 3 draws of what else is unseen; "
    "maps of 20 pictures a class. `--full` has all pictures and 12 trials. CIFAR's classes overlap ImageNet's, on which the "
    "backbone was trained: unseen holds for the head.",
    seeds=5,
    cases=cases,
    measure=measure,
    report=report.write,
    version=2,
)
