"""New items among the clusters of a density method: where the nearest fitted item is, unless that is far."""

from dataclasses import dataclass

import numpy as np

from shoal.clustering.base import NOISE, Floats, Labels


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Fitted items (N, D), their labels (N,), and each cluster's reach (K,): a squared distance.

    The reach is the longest way from a member to its nearest fellow member; beyond it a newcomer is noise.
    """

    x: Floats
    labels: Labels
    reach: Floats

    def assign(self, x: Floats) -> Labels:
        """Return for x (M, D) the cluster of the nearest fitted item, -1 where that is noise or far away."""
        squares, nearest = _search(self.x, x, 1)
        labels = self.labels[nearest[:, 0]]
        reach = np.append(self.reach, np.float32(-1))[labels]  # the last is for noise: nobody is within it
        return np.where(squares[:, 0] <= reach, labels, NOISE)


def neighbours(x: Floats, labels: Labels, clusters: int) -> Neighbours:
    """Return what assigns newcomers to `clusters` of x (N, D) with labels (N,)."""
    reach = np.zeros(clusters, np.float32)
    for k in range(clusters):
        members = x[labels == k]
        reach[k] = _search(members, members, 2)[0][:, 1].max() if len(members) > 1 else 0.0
    # faiss takes squared distances as differences of larger numbers: equal rows may seem a little apart.
    rounding = 1e-5 * np.square(x).sum(axis=1).max(initial=0.0)
    return Neighbours(x, labels, reach + np.float32(rounding))


def centroids(x: Floats, labels: Labels, clusters: int) -> Floats:
    """Return the mean (K, D) of each of `clusters` of x (N, D) with labels (N,)."""
    return np.array(
        [x[labels == k].mean(axis=0, dtype=np.float64) for k in range(clusters)], np.float32
    ).reshape(clusters, x.shape[1])


def _search(among: Floats, x: Floats, count: int) -> tuple[Floats, Labels]:
    import faiss

    index = faiss.IndexFlatL2(among.shape[1])
    index.add(np.ascontiguousarray(among))
    squares, ids = index.search(np.ascontiguousarray(x), count)
    return squares, ids
