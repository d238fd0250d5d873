"""Train a head with a loss, and choose its settings: the same number of trials for each, on held-out classes.

What chooses gets a `splits.Known` and nothing else: there is no test item in it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from experiments.splits import Known
from shoal.indices import map_at_r
from shoal.losses import LOSSES

if TYPE_CHECKING:
    from shoal.training import Head, Trained

RATES = (1e-3, 2e-2)
"""Between which the learning rate is drawn, evenly in its logarithm."""
Draw = Callable[[np.random.Generator], dict[str, Any]]


@dataclass(frozen=True)
class Method:
    """A row of `LOSSES`, how its own settings are drawn, and the head: `linear` ones begin at the components.

    Every loss has one setting of its own to tune, but for cross-entropy, which has none.
    """

    row: str
    draw: Draw
    linear: bool = False


def _evenly(name: str, low: float, high: float) -> Draw:
    return lambda rng: {name: round(float(rng.uniform(low, high)), 3)}


def _log(name: str, low: float, high: float) -> Draw:
    return lambda rng: {name: float(f"{np.exp(rng.uniform(np.log(low), np.log(high))):.3g}")}


def _cosine(rng: np.random.Generator) -> dict[str, Any]:
    # with fewer dimensions than classes the released form is the better one: obtuse angles are then wanted
    return {"lam": round(float(rng.uniform(0.2, 0.9)), 3), "variant": "released"}


def _softness(rng: np.random.Generator) -> dict[str, Any]:
    return {"softness": float(rng.choice([0.0, 0.1, 0.3, 1.0]))}


METHODS: dict[str, Method] = {
    "silhouette": Method("silhouette", _softness),
    "CCE": Method("cce", lambda rng: {}),
    "Cosine-COREL": Method("cosine-corel", _cosine),
    "Gaussian-COREL": Method("gaussian-corel", _evenly("lam", 0.5, 0.9)),
    "contrastive": Method("contrastive", _log("margin", 0.3, 10.0)),
    "triplet": Method("triplet", _log("margin", 0.05, 2.0)),
    "SupCon": Method("supcon", _log("temperature", 0.03, 0.5)),
    "ProxyAnchor": Method("proxy-anchor", _evenly("delta", 0.0, 0.4)),
}
"""The losses that are compared, by the name that a table gives them."""
FROM_PCA = {
    "silhouette, from PCA": Method("silhouette", _softness, linear=True),
    "CCE, from PCA": Method("cce", lambda rng: {}, linear=True),
}
"""The head of Shoal's rounds: a single layer that begins at the principal components, with two losses."""


@dataclass(frozen=True)
class Budget:
    """How long everyone trains, and how many settings everyone may try."""

    trials: int = 4
    steps: int = 200
    classes: int = 16
    items: int = 8


@dataclass(frozen=True)
class Choice:
    """The settings that did best on the held-out classes, and every trial with its score."""

    settings: dict[str, Any]
    trials: list[tuple[dict[str, Any], float]]


def tune(known: Known, method: Method, width: int, budget: Budget, seed: int) -> Choice:
    """Return the best of `budget.trials` random settings, by MAP@R on the classes that `known` holds out."""
    held = np.isin(known.labels, known.tuning)
    trials = []
    for trial in range(budget.trials):
        settings = draw(method, (seed, trial))
        vectors, labels = known.vectors[~held], known.labels[~held]
        trained = train(vectors, labels, method, settings, width=width, budget=budget, seed=seed)
        score = float(map_at_r(trained.embed(known.vectors[held]), known.labels[held]))
        trials.append((settings, round(score, 4)))
    return Choice(max(trials, key=lambda each: each[1])[0], trials)


def draw(method: Method, seed: tuple[int, int]) -> dict[str, Any]:
    """Return the settings of one trial; the learning rate of trial n is the same for all methods."""
    rng = np.random.default_rng(seed)
    rate = float(f"{np.exp(rng.uniform(*np.log(RATES))):.3g}")
    return {"lr": rate, **method.draw(rng)}


def train(
    vectors: NDArray[np.float32],
    labels: NDArray[np.int64],
    method: Method,
    settings: dict[str, Any],
    *,
    width: int,
    budget: Budget,
    seed: int,
) -> "Trained":
    """Return a head trained on vectors (N, D) with labels (N,): D -> 256 -> `width`, or linear from PCA."""
    from shoal.losses import ClassLoss
    from shoal.training import Head, Plan, train_head

    row = LOSSES.load(method.row)
    own = {name: value for name, value in settings.items() if name != "lr"}

    def build(classes: int, dimensions: int) -> Any:
        return row(classes, dimensions, **own) if issubclass(row, ClassLoss) else row(**own)

    plan = Plan(steps=budget.steps, classes=budget.classes, items=budget.items, lr=settings["lr"], seed=seed)
    if method.linear:
        return train_head(vectors, labels, build, start=_from_components(vectors, width), plan=plan)
    return train_head(vectors, labels, build, head=Head(vectors.shape[1], width), plan=plan)


def _from_components(vectors: NDArray[np.float32], width: int) -> "Head":
    """Return the head that begins at the principal components of vectors (N, D), scaled to variance 1."""
    from sklearn.decomposition import PCA

    from shoal.training import Head

    rows = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    fitted = PCA(width, random_state=0).fit(rows)
    scale = 1 / float(np.sqrt(fitted.explained_variance_.mean()))
    axes = fitted.components_.T.astype(np.float32)
    return Head.linear(fitted.mean_.astype(np.float32), axes, scale, width)
