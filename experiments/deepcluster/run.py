"""Train a small network by DeepCluster and its repairs; ask what its layers know."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from experiments.data import Pictures, fashion, stand_in
from experiments.deepcluster import report
from experiments.running import Case, Experiment, Row, Scale
from shoal.clustering import KMeans
from shoal.indices import AGREEMENTS, map_at_r

if TYPE_CHECKING:
    from experiments.deepcluster.networks import Small

SIZES: dict[Scale, dict[str, int]] = {
    "smoke": {"train": 64, "test": 40, "epochs": 2},
    "short": {"train": 2_000, "test": 1_000, "epochs": 8},
    "full": {"train": 60_000, "test": 10_000, "epochs": 100},
}
VARIANTS = (("reset", "hard"), ("hungarian", "hard"), ("reset", "gmm"), ("hungarian", "gmm"))
"""The head after each clustering, and the targets: the first is as published, the last the critic's repair."""
SWEEP = (10, 100)
K = 30
RARE = 0.1


def cases(scale: Scale, seeds: int) -> list[Case]:
    """List the variants, then the sweep over k, then the long-tailed set; controls come with the first seed."""
    smoke = scale == "smoke"
    common: Case = {**SIZES[scale], "smoke": smoke, "clusters": 4 if smoke else K, "tail": 1.0}
    some: list[Case] = []
    for seed in range(1 if smoke else seeds):
        some.append({**common, "head": "none", "targets": "untrained", "seed": seed})
        for head, targets in VARIANTS[:: 3 if smoke else 1]:
            some.append({**common, "head": head, "targets": targets, "seed": seed})
    if smoke:
        return some
    for k in SWEEP:
        some += [
            {**common, "clusters": k, "head": "reset", "targets": "hard", "seed": s} for s in range(seeds)
        ]
    for head, targets in (VARIANTS[0], VARIANTS[-1]):
        some += [{**common, "tail": RARE, "head": head, "targets": targets, "seed": s} for s in range(seeds)]
    return some


def measure(case: Case) -> Row:
    """Return the record of all clusterings, and what each layer knows of test pictures it never saw."""
    from experiments.deepcluster import networks

    seed = int(case["seed"] or 0)
    learned, asked = _pictures(case, seed)
    network = networks.begin(seed, learned.pixels.shape[1])
    x, y = networks.as_input(learned.pixels), networks.as_input(asked.pixels)
    found: Row = {}
    if case["head"] != "none":
        found = _train(case, network, x, learned.labels, seed)
    first, then = networks.layers(network, x), networks.layers(network, y)
    found["probe"] = {name: _probe(first[name], learned.labels, then[name], asked.labels) for name in first}
    found |= _clustered(then["features"], asked.labels, seed)
    if (
        seed == 0
        and case["head"] == "reset"
        and case["targets"] == "hard"
        and case["clusters"] == K
        and case["tail"] == 1.0
    ):
        found["filters"] = np.round(networks.first_filters(network), 3).tolist()
        found["exciting"] = networks.exciting(network, x, learned.pixels, units=8, each=10)
    return found


def _train(case: Case, network: "Small", x: Any, labels: NDArray[np.int64], seed: int) -> Row:
    from experiments.deepcluster.networks import views
    from shoal.clustering import DeepCluster

    method = DeepCluster(
        int(case["clusters"] or 0),
        network=network,
        augment=views(),
        head=str(case["head"]),
        targets=str(case["targets"]),
        epochs=int(case["epochs"] or 0),
        components=32,
        batch=128,
    )
    found = method.fit(x, seed=seed, known=labels)
    history = {
        name: [
            None if value is None else round(float(value), 4)
            for value in (getattr(e, name) for e in found.history)
        ]
        for name in ("loss", "changed", "nmi_before", "nmi_labels", "empty", "splits")
    }
    return {"history": history, "ami": round(float(AGREEMENTS.load("ami")(labels, found.labels)), 4)}


def _pictures(case: Case, seed: int) -> tuple[Pictures, Pictures]:
    """Return what trains and what is asked; with a tail the last class is `tail` times as large as the first."""
    train, test = int(case["train"] or 0), int(case["test"] or 0)
    if case["smoke"]:
        made = stand_in(4, (train + test) // 4, size=16)
        order = np.random.default_rng(seed).permutation(len(made))
        return made.at(order[:train]), made.at(order[train:])
    learned, asked = fashion("train"), fashion("test")
    order = np.random.default_rng(seed).permutation(len(learned))
    share = float(case["tail"] or 1) ** (np.arange(10) / 9)
    # the commonest class gives no more than it has, so that the rarest has `tail` times as many
    most = min(train / share.sum(), int(np.bincount(learned.labels).max()))
    kept = [order[learned.labels[order] == k][: round(most * share[k])] for k in range(10)]
    rows = np.random.default_rng(seed).permutation(np.concatenate(kept))
    return learned.at(rows), asked.at(np.arange(test))


def _probe(
    known: NDArray[np.float32],
    labels: NDArray[np.int64],
    asked: NDArray[np.float32],
    truth: NDArray[np.int64],
) -> float:
    """Return the test accuracy of a linear probe that saw the training pictures' labels."""
    from shoal.training import LinearProbe

    probe = LinearProbe.fit(known, labels)
    right = probe.classes[probe.logits(asked).argmax(axis=1)] == truth
    return round(float(right.mean()), 4)


def _clustered(z: NDArray[np.float32], labels: NDArray[np.int64], seed: int) -> Row:
    """Return what k-means with the true number finds in the test features, and how retrieval does."""
    clusters = KMeans(len(np.unique(labels)), n_init=5).fit(z, seed=seed).labels
    names = ("nmi", "ami", "ari", "accuracy")
    numbers = {name: round(float(AGREEMENTS.load(name)(labels, clusters)), 4) for name in names}
    return {"judged": {**numbers, "map": round(float(map_at_r(z, labels)), 4)}}


EXPERIMENT = Experiment(
    name="deepcluster",
    question="Does DeepCluster learn from nothing here, and does the critic's repair help?",
    source="Caron, Bojanowski, Joulin, Douze (2018), ECCV: AlexNet on ImageNet, k = 10,000; and the critique that hard, "
    "arbitrary cluster numbers and a head thrown away every epoch waste what was learned: soft targets of a mixture of "
    "Gaussians, and clusters matched to the old ones (Hungarian) so that the head can stay.",
    shortened="Fashion-MNIST, 2,000 pictures, 8 epochs, a network of three blocks, instead of a million pictures, 500 epochs "
    "and AlexNet; batches of 128, hence 16 steps a clustering and 128 in all; k of 10, 30 and 100; a long tail for the published form "
    "and the repair alone; judged on the first 1,000 test pictures. Nothing of the paper's tables can be compared in absolute numbers.",
    seeds=5,
    cases=cases,
    measure=measure,
    report=report.write,
    version=2,
)
