"""How many comparisons the silhouette of a batch makes: the claim of 1.35 N."""

import numpy as np
from numpy.typing import NDArray

from experiments.running import Row
from shoal.samplers import ClassBatches


def count(
    vectors: NDArray[np.float32], labels: NDArray[np.int64], classes: int, items: int, seed: int
) -> Row:
    """Return per item, averaged over batches of `classes` x `items`: pairs measured and pairs that matter.

    `measured`: the distances that a and b need by definition, all N (N - 1) / 2 of them. `gradient`: the
    different pairs that reach the value, an item with its own class and with its nearest other one.
    """
    batches = ClassBatches(labels, classes=classes, items=items, batches=40, seed=seed)
    found = [_matter(vectors[batch], labels[batch]) / len(batch) for batch in batches]
    size = classes * items
    return {"measured": (size - 1) / 2, "means": classes, "gradient": [round(each, 4) for each in found]}


def _matter(vectors: NDArray[np.float32], labels: NDArray[np.int64]) -> int:
    """Return how many different pairs (i, j) have j in i's class or in the class nearest to i."""
    apart = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    present, places = np.unique(labels, return_inverse=True)
    members = places == np.arange(len(present))[:, None]
    to_class = apart @ members.T / members.sum(axis=1)
    to_class[np.arange(len(labels)), places] = np.inf
    matters = members[places] | members[to_class.argmin(axis=1)]
    matters |= matters.T
    return int(np.triu(matters, 1).sum())
