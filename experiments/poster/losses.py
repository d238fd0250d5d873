"""The poster's triplet losses, and its two ways to take positives from near only."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

SUBGROUPS = 3
"""Into so many groups each class is cut where positives are chosen at the input."""
ARMS: dict[str, tuple[str, str]] = {
    "hinge": ("hinge", "all"),
    "squared": ("squared", "all"),
    "soft": ("soft", "all"),
    "ratio": ("ratio", "all"),
    "hinge, near at the output": ("hinge", "output"),
    "hinge, 12 classes of 5": ("hinge", "all"),
    "hinge, near at the input": ("hinge", "input"),
    "hinge, hard negatives": ("hinge", "hard"),
}
"""What is compared: the form of the loss, and which triplets count. Hard: what the poster calls semi-hard."""

BATCHES = {"hinge, 12 classes of 5": (12, 5), "hinge, near at the input": (12, 5)}
"""How many classes (at the input: groups) of how many items a batch has, where it is not 4 of 16."""


def build(arm: str) -> Any:
    """Return the triplet loss of an arm, margin 0.2 as in the poster."""
    from shoal.losses import TripletLoss
    from shoal.miners import hard

    form, positives = ARMS[arm]
    miner = {"all": None, "output": _near_at_output, "input": _near_at_input, "hard": hard}[positives]
    return TripletLoss(margin=0.2, form=form, miner=miner)


def subgroups(vectors: NDArray[np.float32], labels: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Return labels (N,) of the k-means groups within each class: `SUBGROUPS` times the class plus the group."""
    from shoal.clustering import KMeans

    found = SUBGROUPS * labels
    for k in np.unique(labels):
        rows = np.flatnonzero(labels == k)
        if len(rows) > SUBGROUPS:
            found[rows] += KMeans(SUBGROUPS).fit(vectors[rows], seed=seed).labels
    return found


def _near_at_output(distances: "Tensor", labels: "Tensor") -> "tuple[Tensor, Tensor, Tensor]":
    from shoal.miners import batch_all, local_positives, only_local

    return only_local(batch_all(distances, labels), local_positives(distances, labels, share=0.6))


def _near_at_input(distances: "Tensor", groups: "Tensor") -> "tuple[Tensor, Tensor, Tensor]":
    """Return the triplets whose positive shares the anchor's group at the input, negatives of other classes."""
    from shoal.miners import batch_all, only_local

    return only_local(batch_all(distances, groups // SUBGROUPS), groups[:, None] == groups)
