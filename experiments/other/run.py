"""News and spoken digits on the map: how good, how many gestures, by the same code as pictures."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments import features, judged
from experiments.data import Pictures, stand_in
from experiments.data.pictures import first_of_each
from experiments.plots import draw_plane, plane, save, subplots
from experiments.running import Case, Experiment, Row, Scale
from experiments.statistics import paired_t, t_interval
from experiments.tables import adjusted_table, plus_minus, table
from experiments.tuning import METHODS, Budget, train
from shoal.effort import measure_effort
from shoal.indices import knn_accuracy, silhouette_macro
from shoal.projectors import PROJECTORS

SETS = {
    "news, sentences": "AG News (4 topics), all-MiniLM-L6-v2, 384 wide",
    "news, words": "AG News (4 topics), words: TF-IDF, 128 singular directions",
    "sounds, digit": "spoken digits (10), log-mel pictures through EfficientNet-Lite0",
    "sounds, speaker": "the same, by speaker (6)",
    "stand-in": "made up",
}
METHODS_OF = ("as it is", "PCA on the map", "silhouette head", "CCE head")
SIZES: dict[Scale, dict[str, int]] = {
    "smoke": {"items": 60, "labels": 3, "steps": 10},
    "short": {"items": 3_000, "labels": 20, "steps": 200},
    "full": {"items": 3_000, "labels": 20, "steps": 200},
}
RATE = 5e-3


def cases(scale: Scale, seeds: int) -> list[Case]:
    """List every set, method and seed; then the layers of the sounds."""
    if scale == "smoke":
        return [{**SIZES[scale], "set": "stand-in", "method": m, "seed": 0} for m in METHODS_OF]
    some: list[Case] = [
        {**SIZES[scale], "set": name, "method": method, "seed": seed, **_layer(name)}
        for name in list(SETS)[:-1]
        for seed in range(seeds)
        for method in METHODS_OF
    ]
    layers: list[Case] = [
        {**SIZES[scale], "set": name, "method": "layers", "seed": 0} for name in list(SETS)[2:4]
    ]
    return [*some, *layers]


def _layer(name: str) -> Case:
    # the recipe's layer for any pile: which one is best could only be told by the labels that judge
    return {"layer": "last"} if name.startswith("sounds") else {}


def measure(case: Case) -> Row:
    """Return the numbers of one map, on items whose labels nobody used."""
    name, items, seed = str(case["set"]), int(case["items"] or 0), int(case["seed"] or 0)
    layers, labels = _load(name, items)
    if case["method"] == "layers":
        return {
            "layers": {
                layer: round(float(knn_accuracy(judged.unit(v), labels)), 4) for layer, v in layers.items()
            }
        }
    vectors = layers[list(layers)[-1]].astype(np.float32)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    known = order[first_of_each(labels[order], int(case["labels"] or 0))]
    asked = np.setdiff1d(np.arange(len(labels)), known)
    z = _embed(case, vectors, labels, known, seed)[asked]
    projector = PROJECTORS.load("pca" if case["method"] == METHODS_OF[1] else "tsne")(seed=seed)
    xy, truth = projector.fit(z), labels[asked]
    effort = measure_effort(xy, truth, seed=seed)
    few = np.random.default_rng(0).permutation(len(asked))[:400]
    return {
        "asked": len(asked),
        "knn": round(float(knn_accuracy(z, truth)), 4),
        "knn_map": round(float(knn_accuracy(xy, truth)), 4),
        "silhouette": round(float(silhouette_macro(xy, truth)), 4),
        "gestures": {str(share): at for share, at in effort.at.items()},
        **(
            {"xy": plane(xy[few], truth[few])}
            if seed == 0 and case["method"] in ("as it is", "silhouette head")
            else {}
        ),
    }


def _embed(
    case: Case, vectors: NDArray[np.float32], labels: NDArray[np.int64], known: NDArray[np.int64], seed: int
) -> NDArray[np.float32]:
    method = str(case["method"]).removesuffix(" head")
    if method not in METHODS:
        return judged.unit(vectors)
    budget = Budget(1, int(case["steps"] or 0), classes=min(16, len(np.unique(labels))))
    settings = {"lr": RATE}
    trained = train(
        vectors[known], labels[known], METHODS[method], settings, width=16, budget=budget, seed=seed
    )
    return trained.embed(vectors)


def _load(name: str, items: int) -> tuple[features.Layers, NDArray[np.int64]]:
    """Return every layer of a set cut to so many items, classes evenly, and the labels."""
    if name == "stand-in":
        made = stand_in(4, items // 4, size=16, colours=True)
        return features.of_pictures("stand-in-other", made, backbone="placeholder"), made.labels
    if name.startswith("sounds"):
        from experiments.data.sounds import spoken_digits

        sounds = spoken_digits(items // 60)
        pictures = Pictures(sounds.pictures, sounds.digits, tuple("0123456789"))
        layers = features.of_pictures("fsdd-log-mel", pictures)
        return layers, sounds.digits if name.endswith("digit") else sounds.speakers
    from experiments.data.texts import ag_news

    news = ag_news()
    rows = first_of_each(news.labels, items // len(news.classes))
    texts = [news.texts[row] for row in rows]
    return {"vectors": _text_vectors(name, texts)}, news.labels[rows]


def _text_vectors(name: str, texts: list[str]) -> NDArray[np.float16]:
    if name == "news, sentences":
        from experiments.other.sentences import sentence_vectors

        return sentence_vectors("ag-news", texts).astype(np.float16)
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    counted = TfidfVectorizer(sublinear_tf=True, min_df=2, stop_words="english").fit_transform(texts)
    found: NDArray[np.float16] = TruncatedSVD(128, random_state=0).fit_transform(counted).astype(np.float16)
    return found


def report(rows: list[Row], folder: Path) -> str:
    """Write the table of maps and gestures, the layers, and the picture."""
    maps = [row for row in rows if row["method"] != "layers"]
    layers = [row for row in rows if row["method"] == "layers"]
    _picture(maps, folder / "maps.png")
    about = "\n".join(
        f"- **{name}**: {words}" for name, words in SETS.items() if any(r["set"] == name for r in rows)
    )
    body = f"""Nothing of Shoal knows what an item is once it is a vector: news come as sentence vectors or as counted words,
sounds as pictures of 64 mel bands x 64 steps of their first second, in the last layer as any pile. `as it is`: vectors of length 1, t-SNE. `PCA on
the map` draws the same by PCA. A head (two layers from random numbers, 256 and 16 wide; Shoal's rounds have another: one layer from PCA) is trained on
{maps[0]["labels"]} labelled items a class, then t-SNE; everything is judged on the other items, so without a head seeds differ only by which these are. Gestures: the simulated annotator of `docs/effort.md` on the static map,
fewer is better. Mean ± half the 95 % interval (Student's t over seeds, which choose the labelled
items); "Holm" is p adjusted for the number of tests in the table, bold where that is below 0.05.

{about}

400 items of each map, coloured by class:

![The maps](maps.png)

{_table(maps)}

{_items_alone(maps)}

## What a head does to the map

{_heads(maps)}
"""
    return body + (
        f"\n## Sounds: which layer?\n\n10-NN accuracy of each layer, all items, one number a layer: no seed enters.\n\n{_layers(layers)}\n"
        if layers
        else ""
    )


def _names(rows: list[Row]) -> list[str]:
    return [name for name in SETS if any(row["set"] == name for row in rows)]


def _values(rows: list[Row], name: str, method: str, what: str) -> list[float]:
    of = [row for row in rows if row["set"] == name and row["method"] == method]
    if what in ("0.5", "0.8", "0.95"):
        return [float("nan") if row["gestures"][what] is None else float(row["gestures"][what]) for row in of]
    return [float(row[what]) for row in of]


def _table(rows: list[Row]) -> str:
    cells = [
        [
            name,
            method,
            plus_minus(t_interval(_values(rows, name, method, "knn"))),
            plus_minus(t_interval(_values(rows, name, method, "knn_map"))),
            *(plus_minus(t_interval(_values(rows, name, method, share)), 0) for share in ("0.8", "0.95")),
            f"{int(_values(rows, name, method, 'asked')[0]):,}",
        ]
        for name in _names(rows)
        for method in METHODS_OF
    ]
    return table(
        ["set", "map", "10-NN, vectors", "10-NN, map", "gestures to 80 %", "to 95 %", "items"], cells
    )


def _items_alone(rows: list[Row]) -> str:
    """Return what the number of judged items leaves open of 10-NN on the map, which no seed shows."""
    halves = []
    for name in _names(rows):
        share = float(np.mean(_values(rows, name, METHODS_OF[0], "knn_map")))
        asked = _values(rows, name, METHODS_OF[0], "asked")[0]
        halves.append(f"`{name}` ± {1.96 * np.sqrt(share * (1 - share) / asked):.3f}")
    return (
        "All seeds are judged on nearly the same items, so their intervals are too narrow for what other items would "
        f"give: the number of items alone leaves open, of 10-NN on the map as it is (95 %, binomial): {'; '.join(halves)}."
    )


def _heads(rows: list[Row]) -> str:
    pairs = [(name, method) for name in _names(rows) for method in METHODS_OF[2:]]
    digits = {"knn": 3, "knn_map": 3, "0.95": 0}
    tests = [
        [paired_t(*(_values(rows, name, each, what) for each in (method, "as it is"))) for what in digits]
        for name, method in pairs
    ]
    texts = adjusted_table(tests, list(digits.values()))
    cells = [[*pair, *line] for pair, line in zip(pairs, texts, strict=True)]
    return table(["set", "minus as it is", "10-NN, vectors", "10-NN, map", "gestures to 95 %"], cells)


def _layers(rows: list[Row]) -> str:
    names = list(rows[0]["layers"])
    cells = [[row["set"], *(f"{row['layers'][name]:.3f}" for name in names)] for row in rows]
    return table(["", *names], cells)


def _picture(rows: list[Row], file: Path) -> None:
    shown = [row for row in rows if "xy" in row]
    columns = len(shown) // 2
    figure, axes = subplots(2, columns, size=(3.2 * columns, 6.6))
    axes = np.asarray(axes).reshape(2, columns)
    for row in shown:
        at = (int(row["method"] != "as it is"), _names(rows).index(row["set"]))
        draw_plane(axes[at], row["xy"], size=7)
        axes[at].set_title(f"{row['set']}, {row['method']}\n10-NN on the map {row['knn_map']:.2f}")
    save(figure, file)


EXPERIMENT = Experiment(
    name="other",
    question="Do maps and gestures work for texts and sounds as they do for pictures?",
    source="Issue 5 of Shoal; no published number is claimed here.",
    shortened="3,000 items of each set; one learning rate for both heads, nothing tuned.",
    seeds=5,
    cases=cases,
    measure=measure,
    report=report,
)
