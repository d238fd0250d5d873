"""The tables and pictures of the silhouette experiment."""

from pathlib import Path

import numpy as np

from experiments.judged import NAMES
from experiments.plots import COLOURS, draw_plane, save, subplots
from experiments.running import Row
from experiments.splits import halves
from experiments.statistics import bootstrap, paired_t, t_interval
from experiments.tables import adjusted, adjusted_table, between, plus_minus, table
from experiments.tuning import METHODS, RATES

OURS = "silhouette"
TRAINED_ON_IT = (OURS, "silhouette, from PCA")
ORDER = ("nmi", "ami", "ari", "accuracy", "pairwise-f1", "recall", "map", "knn", "knn_map", "silhouette")
COMPARED = ("map", "nmi", "recall")


def write(rows: list[Row], folder: Path) -> str:
    """Return the README's body and save its pictures."""
    judged = [row for row in rows if row["method"] not in ("count", "layer")]
    wide = [row for row in judged if row["split"] == "random" and row["width"] == 16]
    narrow = [row for row in judged if row["split"] == "random" and row["width"] == 2]
    hard = [row for row in judged if row["split"] == "hard" and row["width"] == 16]
    _bars(wide, hard, folder / "unseen.png")
    parts = [
        INTRODUCTION,
        "![Unseen classes by loss, in place of figures 7 and 9](unseen.png)",
        FIGURES,
        _answer(wide),
    ]
    parts += ["## Unseen classes, 16 dimensions", _table(wide, "unseen"), "## The silhouette against each"]
    parts += [_pairs(wide, "unseen"), "## Above the principal components?", COMPONENTS, _above(wide)]
    parts += [_above(hard, ", hard split")] if hard else []
    parts += ["## Unseen classes straight in 2 dimensions", _table(narrow, "unseen")]
    parts += [_against_the_map(narrow, wide)]
    if _panels(narrow, folder / "plane.png"):
        parts += [
            PLANE,
            "![Ten seen and ten unseen classes in the plane, in place of figures 7 and 9](plane.png)",
        ]
    if hard:
        parts += [
            "## The hard split: whole superclasses unseen, the flowers among them",
            _table(hard, "unseen"),
        ]
    parts += ["## Seen classes, 16 dimensions", _table(wide, "seen"), _pairs(wide, "seen")]
    parts += ["## Every layer as it is", _layers([row for row in rows if row["method"] == "layer"])]
    parts += ["## The splits", SPLITS, _splits(wide)]
    parts += ["## How many comparisons?", COUNTING, _counts([r for r in rows if r["method"] == "count"])]
    return "\n\n".join(parts)


INTRODUCTION = f"""Each method turns frozen vectors into 16 (or 2) numbers. Heads (D -> 256 -> d) are trained on the
training pictures of the 50 seen classes; learning rate (from {RATES[0]:g} to {RATES[1]:g}, evenly in its logarithm: below it only
cross-entropy was tried, by hand, and fell) and one setting of the loss (cross-entropy has none) are drawn at random, as often for each loss, and chosen by MAP@R on 10 of the seen classes held out; then the head is trained on all 50
and judged on the test pictures of the 50 unseen ones. `unit` (length 1) keeps all 1,280
dimensions, `PCA` and `LDA` (of the seen classes, closed form) train nothing; `from PCA` is the head of Shoal's
rounds, one linear layer that begins at the principal components. k-means++ looks for the true number of classes.
Mean ± half the 95 % interval (Student's t over the splits, which share classes and pictures: somewhat too narrow);
"(Holm ...)" is p adjusted for the number of tests in its table (or sentence), bold where that is below 0.05. The silhouette of a model
that was trained on it stands in parentheses and is not
ranked. These are heads on frozen features: not comparable with end-to-end results in the literature."""

FIGURES = """Figures 7 and 9 of the post, on seen and unseen classes as the documents behind Shoal pass it on, could not be had, so neither
is redrawn. In their place the picture above and the planes further down ask of heads on frozen features which loss separates classes that it has
not seen, and what that looks like. No backbone was fine-tuned, for want of time and of a GPU."""

PLANE = """Ten of the 50 seen classes, on which each head was trained, and ten of the 50 unseen ones, of the first split;
30 test pictures each. Cosine-COREL's items lie on a curve and ProxyAnchor's nearly on a line: of two numbers they use about one."""

SPLITS = "The seen classes of every random split, by number in the alphabetical order of CIFAR-100's 100 names; the others are unseen."

COMPONENTS = """What else is made of 16 numbers (`unit`: 1,280), minus PCA of 16, paired by split. The heads from PCA differ from the
others in two things at once: they begin at the components, and they are one linear layer where the others are two layers that begin at
random numbers. A linear layer from random numbers was not tried, so which of the two it is stays open.
The tests of each of the two tables are adjusted together."""

COUNTING = """The blog counts about 1.35 N comparisons for the silhouette of a batch of N. By definition a and b
need every one of the N (N - 1) / 2 distances; the squared form needs N K, an item against each class mean. Even
if only pairs are counted that reach the value (an item with its own class, and with the one nearest to it),
there are more: per item of the batch, with 95 % interval over 40 batches of real features."""


def _splits(rows: list[Row]) -> str:
    if rows[0]["smoke"]:
        return "Made-up classes."
    seeds = sorted({row["seed"] for row in rows})
    return "\n".join(f"- split {s}: {', '.join(map(str, halves(100, s).seen))}" for s in seeds)


def _methods(rows: list[Row]) -> list[str]:
    return list(dict.fromkeys(row["method"] for row in rows))


def _values(rows: list[Row], method: str, part: str, metric: str) -> list[float]:
    return [row[part][metric] for row in rows if row["method"] == method and metric in row[part]]


def _table(rows: list[Row], part: str) -> str:
    metrics = [name for name in ORDER if any(name in row[part] for row in rows)]
    head = ["method", *(NAMES[name] for name in metrics), "seconds to train"]
    by_map = sorted(_methods(rows), key=lambda name: -np.mean(_values(rows, name, part, "map")))
    cells = []
    for method in by_map:
        line = [method]
        for metric in metrics:
            text = plus_minus(t_interval(_values(rows, method, part, metric)))
            trained_on_it = metric == "silhouette" and method in TRAINED_ON_IT
            line.append(f"({text})" if trained_on_it else text)
        seconds = [row["training"] for row in rows if row["method"] == method and "training" in row]
        cells.append([*line, plus_minus(t_interval(seconds), 1) if seconds else "-"])
    return table(head, cells)


def _pairs(rows: list[Row], part: str) -> str:
    pairs = [(name, OURS, name) for name in _methods(rows) if name != OURS]
    return _differences(rows, pairs, part, "silhouette minus")


def _above(rows: list[Row], where: str = "") -> str:
    """Return every method minus the principal components on unseen classes."""
    if "PCA" not in _methods(rows):
        return ""
    pairs = [(name, name, "PCA") for name in _methods(rows) if name != "PCA"]
    return _differences(rows, pairs, "unseen", f"minus PCA{where}")


def _differences(rows: list[Row], pairs: list[tuple[str, str, str]], part: str, head: str) -> str:
    """Return a line for each (its name, the first method, minus the second), all tests adjusted together."""
    tests = [
        [paired_t(_values(rows, a, part, metric), _values(rows, b, part, metric)) for metric in COMPARED]
        for _, a, b in pairs
    ]
    texts = adjusted_table(tests, [3] * len(COMPARED))
    cells = [[name, *line] for (name, _, _), line in zip(pairs, texts, strict=True)]
    return table([head, *(NAMES[metric] for metric in COMPARED)], cells)


def _answer(rows: list[Row]) -> str:
    trained = [name for name in _methods(rows) if name in METHODS]
    means = {name: np.mean(_values(rows, name, "unseen", "map")) for name in _methods(rows)}
    ranked = sorted(trained, key=lambda name: -means[name])
    place = ranked.index(OURS) + 1
    lines = [
        f"**Ours.** By mean MAP@R on unseen classes the silhouette is number {place} of {len(ranked)} losses "
        f"(first: {ranked[0]}). What 16 numbers cost, trained or not, by MAP@R:"
    ]
    pairs = [("PCA", "unit"), (ranked[0], "unit"), (ranked[0], "LDA")]
    pairs = [(a, b) for a, b in pairs if a in means and b in means]
    tests = [paired_t(*(_values(rows, name, "unseen", "map") for name in pair)) for pair in pairs]
    told = [f"{a} minus {b} {text}" for (a, b), text in zip(pairs, adjusted(tests), strict=True)]
    return f"{' '.join(lines)} {'; '.join(told)}. What lies above the components has its own table."


def _against_the_map(narrow: list[Row], wide: list[Row]) -> str:
    """Return the best loss straight in the plane minus the map of the same loss's 16 numbers, by 10-NN."""
    losses = [name for name in _methods(narrow) if name in METHODS]
    best = max(losses, key=lambda name: float(np.mean(_values(narrow, name, "unseen", "knn"))))
    test = paired_t(_values(narrow, best, "unseen", "knn"), _values(wide, best, "unseen", "knn_map"))
    return (
        f"10-NN, {best}: straight in the plane minus on the t-SNE map of its 16 numbers, paired by split: "
        f"{adjusted([test])[0]}. Not quite alike: the plane is judged by all test pictures, the map by half of them."
    )


def _layers(rows: list[Row]) -> str:
    names = list(dict.fromkeys(row["layer"] for row in rows if row["split"] == "random"))
    cells = []
    for name in names:
        of = [row for row in rows if row["layer"] == name and row["split"] == "random"]
        numbers = (
            t_interval([row["unseen"][metric] for row in of]) for metric in ("nmi", "ari", "map", "knn")
        )
        cells.append([name, *(plus_minus(each) for each in numbers)])
    text = table(["layer, length 1", "NMI", "ARI", "MAP@R", "10-NN"], cells)
    if len(names) < 2:
        return text
    late = [[row["unseen"]["map"] for row in rows if row["layer"] == name] for name in names[-2:]]
    return f"{text}\n\nMAP@R of {names[-2]} minus {names[-1]}: {adjusted([paired_t(*late)])[0]}."


def _counts(rows: list[Row]) -> str:
    cells = [
        [
            f"{row['P']} x {row['K']}",
            f"{row['measured']:.1f}",
            str(row["means"]),
            between(bootstrap(row["gradient"]), 2),
            "1.35",
        ]
        for row in rows
    ]
    head = [
        "batch (classes x items)",
        "distances by definition",
        "by class means",
        "pairs that matter",
        "the claim",
    ]
    return table(head, cells)


def _bars(wide: list[Row], hard: list[Row], file: Path) -> None:
    figure, axes = subplots(1, 2, size=(11, 4.6))
    order = sorted(_methods(wide), key=lambda name: np.mean(_values(wide, name, "unseen", "map")))
    for axis, metric in zip(axes, ("map", "nmi"), strict=True):
        for offset, rows, colour, label in (
            (0.15, wide, COLOURS[0], "random halves"),
            (-0.2, hard, COLOURS[3], "hard"),
        ):
            for k, name in enumerate(order):
                values = _values(rows, name, "unseen", metric)
                if values:
                    found = t_interval(values)
                    reach = 0.0 if np.isnan(found.half) else found.half
                    axis.errorbar(
                        found.mean, k + offset, xerr=reach, fmt="o", color=colour, ms=5, label=label
                    )
        axis.set(yticks=range(len(order)), yticklabels=order, xlabel=f"{NAMES[metric]}, unseen classes")
        axis.grid(axis="x", color="#e6e9ee")
    handles = dict(zip(*reversed(axes[0].get_legend_handles_labels()), strict=True))
    axes[0].legend(handles.values(), handles.keys(), loc="lower right", frameon=False)
    save(figure, file)


def _panels(rows: list[Row], file: Path) -> bool:
    """Draw seen and unseen classes of every 2-D head, one column a method."""
    shown = [row for row in rows if "xy_unseen" in row and row["split"] == "random"]
    if not shown:
        return False
    figure, axes = subplots(2, len(shown), size=(1.9 * len(shown) + 0.4, 4.2))
    axes = np.asarray(axes).reshape(2, len(shown))
    for column, row in enumerate(shown):
        for line, part in enumerate(("seen", "unseen")):
            draw_plane(axes[line, column], row[f"xy_{part}"], size=5)
            if line == 0:
                axes[line, column].set_title(row["method"])
            if column == 0:
                axes[line, column].set_ylabel(f"ten {part} classes")
    save(figure, file)
    return True
