"""How good an embedding is for classes: every number that the experiments report, in one place."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.clustering import KMeans
from shoal.indices import AGREEMENTS, knn_accuracy, map_at_r, recall_at_k, silhouette_macro

CLUSTERED = ("nmi", "ami", "ari", "accuracy", "pairwise-f1")
NAMES = {
    "nmi": "NMI",
    "ami": "AMI",
    "ari": "ARI",
    "accuracy": "accuracy (Hungarian)",
    "pairwise-f1": "pairwise F1",
    "recall": "R@1",
    "map": "MAP@R",
    "knn": "10-NN",
    "knn_map": "10-NN on the map",
    "silhouette": "silhouette (macro)",
}
"""What is measured, and how a table calls it."""


def judge(
    vectors: NDArray[np.floating[Any]], labels: NDArray[np.int64], *, seed: int, starts: int = 5
) -> dict[str, float]:
    """Return every number of vectors (N, d) with true labels (N,); k-means++ looks for the true K."""
    found = KMeans(len(np.unique(labels)), n_init=starts).fit(vectors, seed=seed).labels
    values = {name: AGREEMENTS.load(name)(labels, found) for name in CLUSTERED}
    values["recall"] = recall_at_k(vectors, labels, k=1)
    values["map"] = map_at_r(vectors, labels)
    values["knn"] = knn_accuracy(vectors, labels, k=min(10, len(labels) - 1))
    values["silhouette"] = silhouette_macro(vectors, labels)
    return {name: round(float(value), 4) for name, value in values.items()}


def on_map(vectors: NDArray[np.floating[Any]], labels: NDArray[np.int64], *, seed: int) -> float:
    """Return the 10-NN accuracy on the t-SNE map of vectors (N, d), as `shoal map` draws it."""
    from shoal.projectors import PROJECTORS

    xy = PROJECTORS.load("tsne")(seed=seed).fit(vectors)
    return round(float(knn_accuracy(xy, labels, k=min(10, len(labels) - 1))), 4)


def unit(vectors: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Return vectors (N, D) scaled to length 1."""
    rows = vectors.astype(np.float32)
    scaled: NDArray[np.float32] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return scaled
