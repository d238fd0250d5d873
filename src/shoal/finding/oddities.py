"""What stands alone: outliers among all items, and suspected mistakes among the labelled ones."""

import numpy as np
from numpy.typing import NDArray

from shoal.finding.belonging import robust_z
from shoal.finding.space import Floats, Rows, Space, nearest_others

OUTLIER_Z = 2.5
"""From here on a robust z is listed, however many there are."""
LONELIEST = 0.02
"""So many of all are listed where they stand out (z above 1): a person judges the rest."""
VOTERS = 10
SUSPECTED_FROM = 0.6
"""A label is suspected when so many of its voters agree on one other class."""


def outliers(space: Space) -> tuple[Rows, Floats]:
    """Return the rows that lie alone, and by how much, the loneliest first.

    The measure is the robust z of the mean distance (1 - cosine) to the nearest others. Listed is what lies
    above 2.5, and above 1 the loneliest 2 % (a dozen at least).
    """
    _, cosines = space.graph()
    z = robust_z(1.0 - cosines.mean(axis=1))
    order = np.argsort(-z, kind="stable")
    listed = z[order] > OUTLIER_Z
    few = max(12, round(LONELIEST * len(z)))
    listed[:few] |= z[order[:few]] > 1
    rows = order[listed]
    return rows, z[rows]


def odd_labels(space: Space, labels: NDArray[np.integer]) -> tuple[Rows, Rows, Floats]:
    """Return the rows whose label is suspected, the class that their neighbours have, and how many say so.

    labels (N,) is negative where there is no class. Each labelled item is judged by its ten nearest labelled
    others (fewer where classes are small): what at least 60 % of them call by one other name is suspected. An
    item whose neighbours agree most comes first.
    """
    known = np.flatnonzero(labels >= 0)
    if len(known) < 3 or len(np.unique(labels[known])) < 2:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
    some = Space(space.unit[known], space.ids[known])
    smallest = int(np.median(np.unique(labels[known], return_counts=True)[1]))
    graph, _ = nearest_others(some, int(np.clip(smallest, 1, min(VOTERS, len(known) - 1))))
    classes, number = np.unique(labels[known], return_inverse=True)
    votes = np.zeros((len(known), len(classes)), dtype=np.float32)
    for column in graph.T:
        votes[np.arange(len(known)), number[column]] += 1
    votes[np.arange(len(known)), number] = 0.0
    other = votes.argmax(axis=1)
    share = votes[np.arange(len(known)), other] / np.float32(graph.shape[1])
    odd = np.flatnonzero(share >= SUSPECTED_FROM)
    odd = odd[np.argsort(-share[odd], kind="stable")]
    return known[odd], classes[other[odd]].astype(np.int64), share[odd]
