"""How well held-out items lie among each other: Recall@1 and NMI of an embedding."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from shoal.training.checked import Floats, Labels
from shoal.training.loop import Judge, Plan
from shoal.training.targets import Targets

BLOCK = 2048


def judge_for(embed: Callable[[Labels], Floats], targets: Targets, plan: Plan) -> Judge | None:
    """Return who judges by what `plan` keeps aside, or None where that is nothing.

    `embed` gives the embedding (M, d) of the items at positions (M,), as the network is now.
    """
    if plan.hold_out is None:
        return None
    held, training = targets.parts.held, targets.parts.training
    wanted, of = targets.whole[held], targets.whole[training]
    if plan.metric == "nmi":
        return lambda: nmi(embed(held), wanted, plan.seed)
    if plan.hold_out == "classes":
        return lambda: recall_at_1(embed(held), wanted)
    return lambda: recall_among(embed(held), wanted, embed(training), of)


def recall_at_1(z: Floats, labels: Labels) -> float:
    """Return the share of items z (M, d) whose nearest other item is of their class; 0 without a pair.

    Items alone in their class are no queries, and stay as wrong answers for the others.
    """
    rows = torch.from_numpy(z)
    classes, places, counts = np.unique(labels, return_inverse=True, return_counts=True)
    del classes
    asked = counts[places] > 1
    if not asked.any():
        return 0.0
    nearest = _nearest(rows, rows, itself=True)
    return float((labels[nearest] == labels)[asked].mean())


def recall_among(queries: Floats, wanted: Labels, gallery: Floats, labels: Labels) -> float:
    """Return the share of queries (Q, d) whose nearest item of the gallery (M, d) is of their class."""
    nearest = _nearest(torch.from_numpy(queries), torch.from_numpy(gallery), itself=False)
    return float((labels[nearest] == wanted).mean())


def nmi(z: Floats, labels: Labels, seed: int) -> float:
    """Return the normalised mutual information of k-means on z (M, d), k the true number, with labels."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import normalized_mutual_info_score

    k = len(np.unique(labels))
    found = KMeans(k, n_init=3, random_state=seed).fit_predict(z)
    return float(normalized_mutual_info_score(labels, found))


def _nearest(queries: Tensor, gallery: Tensor, *, itself: bool) -> Labels:
    # torch forms distances from products, which lose their digits far from the origin
    middle = gallery.mean(dim=0)
    queries, gallery, found = queries - middle, gallery - middle, []
    for start in range(0, len(queries), BLOCK):
        distances = torch.cdist(queries[start : start + BLOCK], gallery)
        if itself:
            distances.diagonal(offset=start).fill_(torch.inf)
        found.append(distances.argmin(dim=1))
    nearest: Labels = torch.cat(found).numpy()
    return nearest
