"""Which index finds the right partition of synthetic groups, after Arbelaitz et al. (2013)."""

from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments.plots import COLOURS, save, subplots
from experiments.running import Case, Experiment, Row, Scale
from experiments.statistics import Interval, Paired, bootstrap, paired_t
from experiments.tables import adjusted, between, table
from experiments.validity.groups import Groups, draw
from shoal.clustering import KMeans
from shoal.indices import AGREEMENTS, INDICES, Clusters

FACTORS: dict[str, tuple[int | float, ...]] = {
    "classes": (2, 4, 8),
    "dimensions": (2, 4, 8),
    "separation": (4.0, 8.0),
    "density": (1, 4),
    "noise": (0.0, 0.1),
}
MEANING = {
    "classes": "groups",
    "dimensions": "dimensions",
    "separation": "distance of neighbouring middles, in standard deviations",
    "density": "items of the first group against another's",
    "noise": "items of no group, against all others",
}
PER_GROUP: dict[Scale, int] = {"smoke": 8, "short": 40, "full": 100}
OFFERING: dict[Scale, str] = {
    "smoke": "Ward",
    "short": "k-means, Ward",
    "full": "k-means, Ward, average linkage",
}
Labels = NDArray[np.int64]


def cases(scale: Scale, seeds: int) -> list[Case]:
    """List every combination of the factors; "smoke" takes one."""
    levels = dict(FACTORS)
    if scale == "short":
        levels["dimensions"] = (2, 8)
    combinations = list(product(*levels.values()))
    if scale == "smoke":
        combinations, seeds = [(2, 2, 8.0, 1, 0.1)], 1
    return [
        {
            **dict(zip(FACTORS, combination, strict=True)),
            "per_group": PER_GROUP[scale],
            "algorithms": OFFERING[scale],
            "seed": seed,
        }
        for seed in range(seeds)
        for combination in combinations
    ]


def measure(case: Case) -> Row:
    """Return, per algorithm, the ARI of the best partition offered and of the one that each index picks."""
    values = {name: case[name] for name in FACTORS}
    groups = draw(values, per_group=int(case["per_group"] or 0), seed=int(case["seed"] or 0))
    most = max(3, int(np.sqrt(len(groups.vectors))))
    offering = str(case["algorithms"]).split(", ")
    return {"picked": {name: _picked(groups, ALGORITHMS[name], most) for name in offering}}


def _picked(groups: Groups, offer: "Offer", most: int) -> dict[str, float | dict[str, float]]:
    partitions = [offer(groups.vectors, k) for k in range(2, most + 1)]
    agreement = [float(AGREEMENTS.load("ari")(groups.truth, labels)) for labels in partitions]
    clusters = [Clusters.of(groups.vectors, labels) for labels in partitions]
    picked = {}
    for name in INDICES.names():
        index = INDICES.load(name)
        values = [index.of(each) for each in clusters]
        best = max(values) if index.higher_is_better else min(values)
        picked[name] = round(agreement[values.index(best)], 4)
    return {"best": round(max(agreement), 4), "indices": picked}


Offer = Callable[[NDArray[np.float64], int], Labels]


def _kmeans(vectors: NDArray[np.float64], k: int) -> Labels:
    labels: Labels = KMeans(k, n_init=5).fit(vectors, seed=0).labels
    return labels


def _tree(linkage: str) -> Offer:
    def offer(vectors: NDArray[np.float64], k: int) -> Labels:
        from scipy.cluster.hierarchy import fcluster
        from scipy.cluster.hierarchy import linkage as grow

        labels: Labels = fcluster(grow(vectors, linkage), k, criterion="maxclust").astype(np.int64) - 1
        return labels

    return offer


ALGORITHMS: dict[str, Offer] = {
    "k-means": _kmeans,
    "Ward": _tree("ward"),
    "average linkage": _tree("average"),
}


def report(rows: list[Row], folder: Path) -> str:
    """Write the success table over all indices, by factor too, and the picture."""
    success = {name: _success(rows, name) for name in INDICES.names()}
    lost = {name: _lost(rows, name) for name in INDICES.names()}
    order = sorted(success, key=lambda name: -success[name].mean)
    rivals = [name for name in order if name != "silhouette"]
    tests = [_against(rows, name) for name in rivals]
    against = dict(zip(rivals, adjusted(tests, 1, percent=True), strict=True))
    sure = {name for name, text in against.items() if text.startswith("**")}
    _picture(success, order, folder / "success.png")
    best = order[0]
    place = order.index("silhouette") + 1
    ahead = [n for n, test in zip(rivals, tests, strict=True) if n in sure and test.difference.mean < 0]
    behind = [name for name in rivals if name in sure and name not in ahead]
    return f"""Groups of normal items, {len(rows)} sets; {rows[0]["algorithms"]}. Each algorithm
offers a partition for every K from 2 to the root of N; each index picks one by its value alone.
**Success**: no partition offered agrees better with the truth (adjusted Rand index, items of no group left
out). **Lost**: by how much the picked one agrees worse than the best. Intervals: 95 %, bootstrap over
the layouts (sets that share their middles, and the algorithms of a set, are drawn together). Against the silhouette:
Student's paired t over the means of the layouts, Holm's p for the number of indices, bold where that is below 0.05.
**Their number**: the paper's success rates could not be read; its
claim, as the documents behind Shoal pass it on, is that the silhouette comes out on top.

**Ours.** `{best}` is first with {between(success[best], 1, percent=True)} %; `silhouette` is number
{place} of {len(order)} with {between(success["silhouette"], 1, percent=True)} %. Surely better than it: {_list(ahead)};
surely worse: {_list(behind)}. Its place among the others is not sure.

![Success of every index](success.png)

{_main_table(order, success, lost, against)}

## What makes it hard

Success in %, all indices and the silhouette. A level has four to twelve layouts, and a bootstrap over so few is too narrow; where
all agree it has no width at all.

{_factor_table(rows)}
"""


def _list(found: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in found) or "none"


def _right(row: Row, name: str) -> list[float]:
    return [float(p["indices"][name] >= p["best"]) for p in row["picked"].values()]


def _mean_over(rows: list[Row], value: Callable[[Row], list[float]]) -> Interval:
    found = [value(row) for row in rows]
    groups = np.repeat([_layout(row) for row in rows], [len(each) for each in found])
    return bootstrap(np.concatenate(found), groups=groups)


def _success(rows: list[Row], name: str) -> Interval:
    return _mean_over(rows, lambda row: _right(row, name))


def _lost(rows: list[Row], name: str) -> Interval:
    return _mean_over(rows, lambda row: [p["best"] - p["indices"][name] for p in row["picked"].values()])


def _against(rows: list[Row], name: str) -> Paired:
    """Return how much oftener the silhouette is right than this index, layout by layout."""
    layouts = sorted({_layout(row) for row in rows})

    def means(index: str) -> list[float]:
        return [
            float(np.mean([_right(row, index) for row in rows if _layout(row) == layout]))
            for layout in layouts
        ]

    return paired_t(means("silhouette"), means(name))


def _layout(row: Row) -> str:
    return f"{row['classes']} {row['dimensions']} {row['separation']} {row['seed']}"


def _main_table(
    order: list[str], success: dict[str, Interval], lost: dict[str, Interval], against: dict[str, str]
) -> str:
    thirty = INDICES.names()[:30]
    cells = [
        [
            f"`{name}`" + ("" if name in thirty else " (not in the paper)"),
            between(success[name], 1, percent=True),
            between(lost[name]),
            against.get(name, ""),
        ]
        for name in order
    ]
    return table(["index", "success, %", "ARI lost", "silhouette ahead by, points"], cells)


def _factor_table(rows: list[Row]) -> str:
    cells = []
    for factor, levels in FACTORS.items():
        for level in levels:
            part = [row for row in rows if row[factor] == level]
            if part:
                every = _mean_over(
                    part, lambda row: [float(np.mean([_right(row, n) for n in INDICES.names()]))]
                )
                alone = _success(part, "silhouette")
                cells += [
                    [MEANING[factor], str(level), *(between(i, 1, percent=True) for i in (every, alone))]
                ]
    return table(["factor", "level", "all indices", "silhouette"], cells)


def _picture(success: dict[str, Interval], order: list[str], file: Path) -> None:
    figure, axis = subplots(size=(8, 8.5))
    at = np.arange(len(order))[::-1]
    means = np.array([success[name].mean for name in order]) * 100
    reach = np.array([[success[n].mean - success[n].low, success[n].high - success[n].mean] for n in order]).T
    colours = [COLOURS[1] if name.startswith("silhouette") else COLOURS[0] for name in order]
    axis.errorbar(means, at, xerr=reach * 100, fmt="none", ecolor="#b8bec8", zorder=1)
    axis.scatter(means, at, c=colours, s=26, zorder=2)
    axis.set(yticks=at, yticklabels=order, xlabel="picks the best partition offered, %", xlim=(0, 100))
    axis.set_title("Which index finds the right partition? 95 % intervals; the silhouettes in red")
    axis.grid(axis="x", color="#e6e9ee")
    save(figure, file)


EXPERIMENT = Experiment(
    name="validity",
    question="Which index finds the right partition?",
    source="Arbelaitz, Gurrutxaga, Muguerza, Pérez, Perona (2013), *Pattern Recognition* 46: thirty indices "
    "on 720 synthetic sets. The sets follow its factors (groups, dimensions, overlap, density, noise); how "
    "its generator placed the groups could not be read, ours is `groups.py`.",
    shortened="40 items a group instead of 100; 2 and 8 dimensions without 4; one set for each of the 48 "
    "combinations instead of ten for each of 72; no average linkage. `--full --seeds 10` has the paper's "
    "sizes.",
    seeds=1,
    cases=cases,
    measure=measure,
    report=report,
)
