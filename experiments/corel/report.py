"""The tables and pictures of the COREL experiment."""

from pathlib import Path

import numpy as np

from experiments.plots import COLOURS, draw_plane, save, subplots
from experiments.running import Row
from experiments.statistics import paired_t, t_interval
from experiments.tables import adjusted, plus_minus, table

THEIRS = {
    ("fashion", "FFNN"): {"Center": 89.76, "Cosine-COREL": 89.50, "Gaussian-COREL": 89.74},
    ("fashion", "CNN"): {
        "Center": 92.27,
        "Cosine-COREL": 92.24,
        "Gaussian-COREL": 92.65,
        "Gaussian-COREL, 1/2": 92.24,
    },
    ("mnist", "FFNN"): {"Center": 98.39, "Cosine-COREL": 97.38, "Gaussian-COREL": 97.89},
    ("mnist", "CNN"): {
        "Center": 99.58,
        "Cosine-COREL": 99.54,
        "Gaussian-COREL": 99.52,
        "Gaussian-COREL, 1/2": 99.42,
    },
}
"""Validation accuracy in % at the best lambda, read off the supplement's plots (± 0.01)."""
EPOCH_S, FIXED_S = 13.9, 12.3
"""Seconds of the slower of two convolutional cases on Fashion-MNIST side by side, as timing.py says: an epoch, and the rest."""
NAMES = {
    "fashion": "Fashion-MNIST",
    "mnist": "MNIST",
    "digits": "digits",
    "news": "AG News, 4 topics",
    "stand-in": "stand-in",
}
CLUSTERED = {"accuracy": "accuracy", "ari": "ARI", "v-measure": "V-measure", "silhouette": "silhouette"}


def write(rows: list[Row], folder: Path) -> str:
    """Return the README's body and save its pictures."""
    main = [row for row in rows if row["part"] == "table"]
    curves = [row for row in rows if row["part"] == "curve"]
    parts = [INTRODUCTION, _answer(main), "## Accuracy (Table 2)", _accuracies(main)]
    if few := _both_runs(main):
        parts += [FEW, few]
    parts += ["## Against cross-entropy", POINTS, _against(main, "test")]
    for method in ("k-means", "GMM"):
        parts += [
            f"## {method} on the representations of the test items (Table {3 if method == 'k-means' else 4})"
        ]
        parts += [_clusters(main, method), AGAINST, _against(main, method)]
    if _planes(main, folder / "planes.png"):
        parts += ["## What it looks like (Figure 1)", "![PCA of the representations](planes.png)"]
    if curves:
        _curves(curves, folder / "lambda.png")
        parts += [
            "## How much lambda matters",
            LAMBDA,
            "![Accuracy over lambda](lambda.png)",
            _ranges(curves),
        ]
    return "\n\n".join([*parts, *_how_long(rows)])


INTRODUCTION = """The same networks, Adam at 1e-3 and batches of 128 for each loss; lambda is the one that the paper found
best for the setting, so nothing is tuned here, and both COREL losses are what its released program computes, which is
not quite its formulas (Gaussian: lambda enters squared but at 1/2; Cosine: a foreign class repels only at acute
angles), because that program chose lambda; the epoch with the best validation accuracy is kept. The
representation is what the last hidden layer gives; k-means and the mixture of Gaussians know the number of classes.
Mean ± half the 95 % interval (Student's t over the seeds); where there are two seeds, both values and no test. Holm: p
adjusted for the number of tests in the table, bold where that is below 0.05. All seeds share one cut into training, validation and test items."""
FEW = """Two seeds say little about what other seeds would give, even where both happen to be equal. Validation accuracy
in % of each run, ± what the number of validation items alone leaves open (95 %, binomial); the difference above, of their
mean, has the wider of the two:"""
AGAINST = """Points of the clusters' accuracy above that of cross-entropy's, paired by seed; of two seeds both differences and no
test."""
POINTS = "Points of test accuracy, paired by seed; of two seeds both differences and no test."
LAMBDA = """One seed a point and few epochs, so a single point is no result. In the paper's plots, after 150 epochs, the worst
lambda of Gaussian-COREL (0.05 to 0.1) has 86.57 % (Fashion-MNIST, dense), 90.79 (convolutional) and 95.14 (MNIST, dense)."""


def _settings(rows: list[Row]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((row["set"], row["net"]) for row in rows))


def _losses(rows: list[Row]) -> list[str]:
    return list(dict.fromkeys(row["loss"] for row in rows))


def _pairs(rows: list[Row]) -> list[tuple[tuple[str, str], str]]:
    """Return every setting with every loss that was run there."""
    there = {((row["set"], row["net"]), row["loss"]) for row in rows}
    return [(s, loss) for s in _settings(rows) for loss in _losses(rows) if (s, loss) in there]


def _of(rows: list[Row], setting: tuple[str, str], loss: str) -> list[Row]:
    return [row for row in rows if (row["set"], row["net"]) == setting and row["loss"] == loss]


def _accuracy(rows: list[Row], setting: tuple[str, str], loss: str, part: str) -> list[float]:
    return [100 * row[f"{part}_accuracy"] for row in _of(rows, setting, loss)]


def _answer(rows: list[Row]) -> str:
    first = []
    for setting in _settings(rows):
        losses = [loss for at, loss in _pairs(rows) if at == setting]
        means = {loss: np.mean(_accuracy(rows, setting, loss, "test")) for loss in losses}
        first.append(max(means, key=lambda loss: float(means[loss])))
    counts = ", ".join(f"{loss} {first.count(loss)}" for loss in _losses(rows))
    return f"**Ours.** Highest mean test accuracy, of {len(first)} settings: {counts} (the paper: Gaussian-COREL 4 of 6)."


def _accuracies(rows: list[Row]) -> str:
    cells = []
    for setting, loss in _pairs(rows):
        ours = _accuracy(rows, setting, loss, "validation")
        theirs = THEIRS.get(setting, {}).get(loss)
        cells.append(
            [
                f"{NAMES[setting[0]]}, {setting[1]}",
                loss,
                str(_of(rows, setting, loss)[0]["lam"] or "-"),
                _mean(_accuracy(rows, setting, loss, "test")),
                _mean(ours),
                "-" if theirs is None else f"{theirs:.2f}",
                "-"
                if theirs is None
                else _difference(ours, theirs, _of(rows, setting, loss)[0]["validation"]),
            ]
        )
    head = [
        "setting",
        "loss",
        "lambda",
        "ours, test, %",
        "ours, validation, %",
        "theirs, validation, %",
        "difference",
    ]
    return table(head, cells)


def _mean(values: list[float], digits: int = 2) -> str:
    """Write a mean with its interval; of two values both, since Student's t of one difference tells nothing."""
    if len(values) == 2:
        return ", ".join(f"{value:.{digits}f}" for value in values)
    return plus_minus(t_interval(values), digits)


def _difference(ours: list[float], theirs: float, items: int) -> str:
    """Write ours minus theirs; of two seeds with what the number of validation items alone leaves open."""
    found = t_interval(ours)
    half = max(_binomial(each, items) for each in ours) if len(ours) == 2 else found.half
    text = f"{found.mean - theirs:+.2f}"
    return text if np.isnan(half) else f"{text} ± {half:.2f}"


def _binomial(percent: float, items: int) -> float:
    """Return half the 95 % interval, in points, of a share of so many items."""
    share = percent / 100
    return float(196 * np.sqrt(share * (1 - share) / items))


def _both_runs(rows: list[Row]) -> str:
    """Return every validation accuracy of the settings that have two seeds, with its binomial interval."""
    cells = []
    for setting, loss in _pairs(rows):
        found = _accuracy(rows, setting, loss, "validation")
        if len(found) == 2:
            count = _of(rows, setting, loss)[0]["validation"]
            both = [f"{each:.2f} ± {_binomial(each, count):.2f}" for each in found]
            theirs = THEIRS.get(setting, {}).get(loss)
            name = f"{NAMES[setting[0]]}, {setting[1]}"
            cells.append([name, loss, *both, "-" if theirs is None else f"{theirs:.2f}"])
    return table(["setting", "loss", "first seed", "second seed", "theirs"], cells) if cells else ""


def _against(rows: list[Row], what: str) -> str:
    """Return each loss minus cross-entropy: test accuracy, or that of the clusters of a method."""

    def values(setting: tuple[str, str], loss: str) -> list[float]:
        if what == "test":
            return _accuracy(rows, setting, loss, what)
        return [100 * row[what]["accuracy"] for row in _of(rows, setting, loss)]

    others = _losses(rows)[1:]
    pairs = [(setting, loss) for setting, loss in _pairs(rows) if loss in others]
    two = [pair for pair in pairs if len(values(*pair)) == 2]
    tests = {pair: paired_t(values(*pair), values(pair[0], "CCE")) for pair in pairs if pair not in two}
    texts = dict(zip(tests, adjusted(list(tests.values()), 2), strict=True))
    for pair in two:
        each = zip(values(*pair), values(pair[0], "CCE"), strict=True)
        texts[pair] = ", ".join(f"{ours - theirs:+.2f}" for ours, theirs in each)
    cells = [
        [f"{NAMES[setting[0]]}, {setting[1]}", *(texts.get((setting, loss), "-") for loss in others)]
        for setting in _settings(rows)
    ]
    return table(["loss minus cross-entropy", *others], cells)


def _clusters(rows: list[Row], method: str) -> str:
    cells = [
        [
            f"{NAMES[setting[0]]}, {setting[1]}",
            loss,
            *(_mean([row[method][name] for row in _of(rows, setting, loss)], 3) for name in CLUSTERED),
        ]
        for setting, loss in _pairs(rows)
    ]
    return table(["setting", "loss", *CLUSTERED.values()], cells)


def _how_long(rows: list[Row]) -> list[str]:
    """Return what the run took under load, and an estimate of what it takes on two idle cores."""
    heavy = [row for row in rows if row["part"] == "table" and (row["set"], row["net"]) == ("fashion", "CNN")]
    if not heavy:
        return []
    seconds = [row["seconds"] for row in heavy]
    idle = heavy[0]["epochs"] * EPOCH_S + FIXED_S
    measured = sum(row["seconds"] for row in rows) / 60
    estimate = measured - (sum(seconds) - len(seconds) * idle) / 60
    text = f"""Measured, with other work beside it: {measured:.0f} core-minutes, {sum(seconds) / 60:.0f} of them the {len(heavy)}
convolutional cases on Fashion-MNIST ({min(seconds):.0f} to {max(seconds):.0f} seconds each). Timed again by
`python -m experiments.corel.timing`, two of these side by side with little else on the two cores, one and three epochs
long, the slower took {EPOCH_S} seconds an epoch and {FIXED_S:.0f} for the rest, which makes {idle:.0f} seconds of a case.
With that, and everything else as measured under load, the whole is about {estimate:.0f} core-minutes, **{estimate / 2:.0f} minutes on two
cores**: an estimate, since the whole has not been timed on an idle machine."""
    return ["## How long", text]


def _ranges(rows: list[Row]) -> str:
    cells = []
    for setting in _settings(rows):
        for loss in _losses(rows):
            of = sorted(_of(rows, setting, loss), key=lambda row: -row["validation_accuracy"])
            half = next((row["validation_accuracy"] for row in of if row["lam"] == 0.5), np.nan)
            best, worst = of[0], of[-1]
            cells.append(
                [
                    f"{NAMES[setting[0]]}, {setting[1]}",
                    loss,
                    f"{100 * best['validation_accuracy']:.2f} at {best['lam']}",
                    f"{100 * half:.2f}",
                    f"{100 * worst['validation_accuracy']:.2f} at {worst['lam']}",
                ]
            )
    return table(["setting (one seed)", "loss", "best, %", "at 0.5, %", "worst, %"], cells)


def _curves(rows: list[Row], file: Path) -> None:
    settings = _settings(rows)
    figure, axes = subplots(1, len(settings), size=(5 * len(settings), 3.8))
    for axis, setting in zip(np.atleast_1d(axes), settings, strict=True):
        for k, loss in enumerate(_losses(rows), start=1):
            of = sorted(_of(rows, setting, loss), key=lambda row: float(row["lam"]))
            lams = [row["lam"] for row in of]
            axis.plot(
                lams, [100 * row["validation_accuracy"] for row in of], ".-", color=COLOURS[k], label=loss
            )
        axis.set(title=f"{NAMES[setting[0]]}, {setting[1]}", xlabel="lambda", ylabel="validation accuracy, %")
        axis.legend(frameon=False)
    save(figure, file)


def _planes(rows: list[Row], file: Path) -> bool:
    shown = [row for row in rows if "xy" in row]
    if not shown:
        return False
    figure, axes = subplots(1, len(shown), size=(2.6 * len(shown), 2.9))
    for axis, row in zip(np.atleast_1d(axes), shown, strict=True):
        draw_plane(axis, row["xy"])
        axis.set_title(f"{row['loss']}: {100 * row['test_accuracy']:.1f} %")
    save(figure, file)
    return True
