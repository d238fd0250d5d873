"""The tables and pictures of the DeepCluster experiment."""

from pathlib import Path

import numpy as np

from experiments.plots import COLOURS, save, subplots
from experiments.running import Row
from experiments.statistics import Paired, paired_t, t_interval
from experiments.tables import adjusted, plus_minus, table

NAMES = {
    ("none", "untrained"): "not trained",
    ("reset", "hard"): "as published: hard targets, new head",
    ("hungarian", "hard"): "hard targets, head kept",
    ("reset", "gmm"): "soft targets, new head",
    ("hungarian", "gmm"): "the repair: soft targets, head kept",
}
Kind = tuple[str, str]
UNTRAINED: Kind = ("none", "untrained")
PUBLISHED: Kind = ("reset", "hard")
REPAIR: Kind = ("hungarian", "gmm")
MEASURES = {
    "NMI, k = 10": ("judged", "nmi"),
    "MAP@R": ("judged", "map"),
    "probe on conv3": ("probe", "conv3"),
}
"""What is compared, by the name that a table gives it: on test pictures all three."""


def write(rows: list[Row], folder: Path) -> str:
    """Return the README's body and save its pictures."""
    k = rows[0]["clusters"]
    main = [row for row in rows if row["clusters"] == k and row["tail"] == 1.0]
    sweep = [row for row in rows if _kind(row) == PUBLISHED and row["tail"] == 1.0]
    tail = [row for row in rows if row["tail"] != 1.0]
    _curves(main, folder / "curves.png")
    parts = [INTRODUCTION, _answer(main), "![NMI and changes over the epochs](curves.png)"]
    parts += [
        f"## What was learned, k = {k}",
        _learned(main),
        "## A linear probe on each layer",
        PROBE,
        _probes(main),
    ]
    parts += ["## Against the published form", HOLM, _against(main)]
    if len({row["clusters"] for row in sweep}) > 1:
        parts += ["## How many clusters", SWEEP, _sweep(sweep), _most_against_least(sweep)]
    if tail:
        parts += ["## A long tail: the rarest class has a tenth of the commonest", TAIL]
        parts += [_learned(tail), _against(tail), _tail_minus_even(tail, main)]
    if _looks(main, folder):
        parts += [
            "## What it looks at",
            _stayed(main),
            "![The first filters](filters.png)",
            EXCITING,
            "![Exciting pictures](exciting.png)",
        ]
    return "\n\n".join(parts)


INTRODUCTION = """A network trained from nothing, without labels: cluster its features, learn to tell the clusters apart,
again. Sobel edges first, crops and mirrors as views, PCA and whitening to 32, uniform sampling over clusters. Labels
are used afterwards only: NMI between the clusters and the labels on the training pictures at each clustering; on test
pictures, k-means with k = 10 on the features, retrieval, a linear probe. Mean ± half the 95 % interval (Student's t
over the seeds)."""
PROBE = "Test accuracy in %; each block's maps are averaged to 2 x 2. The probe sees the labels of the training pictures."
HOLM = """Paired by seed, the probe as a share; Holm: p adjusted for the number of tests in the table, bold where that is
below 0.05."""
SWEEP = """16 steps a clustering are few for many clusters: the loss over the last epoch stands beside what guessing costs
(ln k, since clusters are drawn equally often). "NMI, k = 10" looks for as many clusters as there are classes and so
favours a k near 10; MAP@R does not know k."""
TAIL = """As many training pictures in all (1,999) and the same test pictures, whose classes are about even. A seed draws
the network's first numbers as without the tail, and other training pictures."""
EXCITING = "One row a unit of the last block: the ten training pictures that excite it most."


def _kind(row: Row) -> Kind:
    return row["head"], row["targets"]


def _kinds(rows: list[Row]) -> list[Kind]:
    return [kind for kind in NAMES if any(_kind(row) == kind for row in rows)]


def _of(rows: list[Row], kind: Kind) -> list[Row]:
    return sorted((row for row in rows if _kind(row) == kind), key=lambda row: int(row["seed"]))


def _learned(rows: list[Row]) -> str:
    cells = []
    for kind in _kinds(rows):
        of = _of(rows, kind)
        line = [NAMES[kind]]
        line += [
            plus_minus(t_interval([row["judged"][name] for row in of]))
            for name in ("nmi", "ami", "ari", "accuracy", "map")
        ]
        if kind[0] == "none":
            line += ["-", "-", "-", "-"]
        else:
            line += [plus_minus(t_interval([row["history"]["nmi_labels"][-1] for row in of]))]
            line += [plus_minus(t_interval([row["history"]["nmi_before"][-1] for row in of]))]
            line += [plus_minus(t_interval([100 * row["history"]["changed"][-1] for row in of]), 1)]
            line += [_empty(of)]
        cells.append(line)
    head = [
        "",
        "NMI, k = 10",
        "AMI",
        "ARI",
        "accuracy",
        "MAP@R",
        "NMI at the last clustering",
        "NMI to the one before",
    ]
    return table([*head, "changed, %", "empty clusters, of all"], cells)


def _empty(rows: list[Row]) -> str:
    """Return how many clusters were empty, of all clusterings and seeds."""
    found = [row["history"]["empty"] for row in rows]
    empty = sum(map(sum, found))
    return f"{empty:.0f} of {sum(map(len, found)) * int(rows[0]['clusters']):,}"


def _probes(rows: list[Row]) -> str:
    layers = list(rows[0]["probe"])
    cells = [
        [
            NAMES[kind],
            *(
                plus_minus(t_interval([100 * row["probe"][name] for row in _of(rows, kind)]), 1)
                for name in layers
            ),
        ]
        for kind in _kinds(rows)
    ]
    return table(["", *layers], cells)


def _compared(more: list[Row], less: list[Row]) -> list[Paired]:
    """Return the differences of every measure, paired by seed."""
    return [paired_t([r[a][b] for r in more], [r[a][b] for r in less]) for a, b in MEASURES.values()]


def _family(rows: list[Row]) -> dict[Kind, list[str]]:
    """Return every kind's differences to the published form, as texts whose p are adjusted for all of them.

    The published form is what is taken from, but for the untrained network, which is taken from it.
    """
    base = _of(rows, PUBLISHED)
    kinds = [kind for kind in _kinds(rows) if kind != PUBLISHED]
    tests = []
    for kind in kinds:
        of = _of(rows, kind)
        tests += _compared(base, of) if kind == UNTRAINED else _compared(of, base)
    texts = iter(adjusted(tests))
    return {kind: [next(texts) for _ in MEASURES] for kind in kinds}


def _against(rows: list[Row]) -> str:
    names = {UNTRAINED: "as published minus not trained"}
    cells = [
        [names.get(kind, f"{NAMES[kind]}, minus as published"), *texts]
        for kind, texts in _family(rows).items()
    ]
    return table(["difference", *MEASURES], cells)


def _answer(rows: list[Row]) -> str:
    family = _family(rows)

    def told(kind: Kind) -> str:
        return "; ".join(f"{name} {text}" for name, text in zip(MEASURES, family[kind], strict=True))

    return (
        f"**Ours.** As published minus not trained: {told(UNTRAINED)}. The repair minus as published: {told(REPAIR)}. "
        f"Bold is sure, with p adjusted for all {len(family) * len(MEASURES)} tests of the table below; what is not bold is not."
    )


def _sweep(rows: list[Row]) -> str:
    cells = []
    for k in sorted({row["clusters"] for row in rows}):
        of = [row for row in rows if row["clusters"] == k]
        cells.append(
            [
                str(k),
                f"{plus_minus(t_interval([row['history']['loss'][-2] for row in of]))} of {np.log(k):.3f}",
                plus_minus(t_interval([row["judged"]["nmi"] for row in of])),
                plus_minus(t_interval([row["judged"]["map"] for row in of])),
                plus_minus(t_interval([100 * row["probe"]["conv3"] for row in of]), 1),
                plus_minus(t_interval([row["history"]["nmi_labels"][-1] for row in of])),
                plus_minus(t_interval([row["ami"] for row in of])),
            ]
        )
    head = [
        "k",
        "loss, last epoch",
        "NMI, k = 10, test",
        "MAP@R, test",
        "probe on conv3, %",
        "NMI of its own clusters",
        "AMI of its own clusters",
    ]
    return table(head, cells)


def _most_against_least(rows: list[Row]) -> str:
    """Return by how much the most clusters differ from the fewest, paired by seed."""
    most, least = (end(row["clusters"] for row in rows) for end in (max, min))
    many, few = (_of([row for row in rows if row["clusters"] == k], PUBLISHED) for k in (most, least))
    texts = adjusted(_compared(many, few))
    return table([f"k = {most} minus k = {least}", *MEASURES], [["as published", *texts]])


def _tail_minus_even(tail: list[Row], even: list[Row]) -> str:
    """Return by how much training on the long tail differs from training on as many of each class."""
    kinds = _kinds(tail)
    texts = iter(adjusted([test for kind in kinds for test in _compared(_of(tail, kind), _of(even, kind))]))
    cells = [[NAMES[kind], *(next(texts) for _ in MEASURES)] for kind in kinds]
    return table(["long tail minus without", *MEASURES], cells)


def _curves(rows: list[Row], file: Path) -> None:
    figure, axes = subplots(1, 3, size=(12, 3.6))
    titles = {
        "nmi_labels": "NMI to the labels",
        "nmi_before": "NMI to the clustering before",
        "changed": "share changed, ids matched",
    }
    for axis, (name, title) in zip(axes, titles.items(), strict=True):
        for colour, kind in zip(COLOURS, _kinds(rows), strict=False):
            curves = [row["history"][name] for row in _of(rows, kind) if "history" in row]
            if curves:
                start = 0 if name == "nmi_labels" else 1
                values = np.array([curve[start:] for curve in curves], dtype=float)
                at = np.arange(start, start + values.shape[1])
                axis.plot(at, values.mean(axis=0), color=colour, label=NAMES[kind])
                axis.fill_between(
                    at, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0
                )
        axis.set(title=title, xlabel="clusterings; bands: all seeds")
    axes[0].legend(frameon=False, fontsize=7)
    save(figure, file)


def _stayed(rows: list[Row]) -> str:
    """Return how far the first filters of the network shown are from what they began as."""
    from experiments.deepcluster.networks import begin, first_filters

    shown = next(row for row in rows if "filters" in row)
    after = np.array(shown["filters"])
    after = after.reshape(len(after), -1)
    before = first_filters(begin(int(shown["seed"]), 8)).reshape(after.shape)
    lengths = np.linalg.norm(after, axis=1) * np.linalg.norm(before, axis=1)
    cosines = (after * before).sum(axis=1) / lengths
    return (
        "The filters of the first block on the two Sobel edges, of one network (as published, seed "
        f"{shown['seed']}): much of what they began as is still there. The cosine between a filter before and after "
        f"training is {cosines.mean():.2f} in the mean of the {len(cosines)}, {cosines.min():.2f} at least."
    )


def _looks(rows: list[Row], folder: Path) -> bool:
    from experiments.deepcluster.networks import unpack

    shown = next((row for row in rows if "filters" in row), None)
    if shown is None:
        return False
    filters = np.array(shown["filters"])
    figure, axes = subplots(2, len(filters), size=(0.7 * len(filters), 1.6))
    for k, pair in enumerate(filters):
        for line in range(2):
            axes[line, k].imshow(pair[line], cmap="RdBu", vmin=-np.abs(pair).max(), vmax=np.abs(pair).max())
            axes[line, k].set(xticks=[], yticks=[])
    save(figure, folder / "filters.png")
    count, side = 80, int(np.sqrt(len(unpack(shown["exciting"], (-1,))) / 80))
    pictures = unpack(shown["exciting"], (8, count // 8, side, side))
    figure, axis = subplots(size=(5.6, 4.6))
    axis.imshow(pictures.swapaxes(1, 2).reshape(8 * side, count // 8 * side), cmap="gray_r")
    axis.set(yticks=side * (np.arange(8) + 0.5), yticklabels=[f"unit {k}" for k in range(8)], xticks=[])
    axis.tick_params(length=0)
    save(figure, folder / "exciting.png")
    return True
