"""How well a map keeps classes together that it has never seen: the demo's honest number."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from shoal.indices.neighbourhood import knn_accuracy
from shoal.types import UNLABELLED, ShoalError
from shoal.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Quality:
    """Ten-nearest-neighbour accuracy of classes kept aside, in the layer's space and on the map."""

    items: int
    classes: int
    majority: float
    layer: float
    map: float

    def sentence(self) -> str:
        """Say the numbers in one sentence."""
        return (
            f"ten nearest neighbours agree on the class kept aside ({self.classes} classes, {self.items:,} "
            f"items): {self.layer:.1%} in the layer, {self.map:.1%} on the map; always saying the commonest "
            f"class: {self.majority:.1%}"
        )


def judge(workspace: Workspace, truth: Mapping[bytes, str]) -> Quality:
    """Compare the newest map with true classes by item key; raises `ShoalError` when there is no map.

    The true classes are used for this number only: nothing is fitted or chosen by them.
    """
    drawn = workspace.map()
    if drawn is None:
        raise ShoalError(f"judge() found no map in {workspace.path}; `shoal map` makes one.")
    embedding = workspace.embedding(drawn.origin.layer, drawn.ids)
    keys = workspace.items.keys
    names = sorted(set(truth.values()))
    number = {name: index for index, name in enumerate(names)}
    labels = np.array([number.get(truth.get(keys[item], ""), UNLABELLED) for item in drawn.ids])
    known = labels != UNLABELLED
    return Quality(
        items=int(known.sum()),
        classes=len(np.unique(labels[known])),
        majority=float(np.bincount(labels[known]).max() / known.sum()),
        layer=knn_accuracy(embedding.vectors, labels),
        map=knn_accuracy(drawn.xy, labels),
    )


JUDGED = 3_000
"""So many labelled items are judged at most: a seeded sample of more."""


def judge_map(workspace: Workspace, map_id: int) -> dict[str, float | None]:
    """Return how well map `map_id` keeps the labelled classes apart; None where too little is labelled.

    `silhouette` is the mean silhouette (Rousseeuw 1987) of the labelled positions, the accuracies are the
    ten-nearest-neighbour agreement of labelled items on the map and in its layer.
    """
    drawn = workspace.map(map_id)
    if drawn is None:
        raise ShoalError(f"there is no map {map_id}.")
    labels = workspace.log.current()[drawn.ids].astype(np.int64)
    known = np.flatnonzero(labels >= 0)
    answer: dict[str, float | None] = {
        "labelled": len(known),
        "classes": len(np.unique(labels[known])),
        "silhouette": None,
        "map_accuracy": None,
        "layer_accuracy": None,
    }
    if len(known) > JUDGED:
        known = np.sort(np.random.default_rng(0).choice(known, JUDGED, replace=False))
    classes = len(np.unique(labels[known]))
    if classes < 2 or len(known) <= max(10, classes):
        return answer
    from sklearn.metrics import silhouette_score

    answer["silhouette"] = float(silhouette_score(drawn.xy[known], labels[known]))
    answer["map_accuracy"] = knn_accuracy(drawn.xy[known], labels[known])
    if drawn.origin.layer in workspace.layers:
        vectors = workspace.embedding(drawn.origin.layer, drawn.ids[known]).vectors
        answer["layer_accuracy"] = knn_accuracy(vectors, labels[known])
    return answer
