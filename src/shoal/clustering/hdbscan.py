"""HDBSCAN: clusters where items lie dense, noise elsewhere; scikit-learn's."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from shoal.clustering.base import (
    NOISE,
    Clustering,
    Labels,
    checked_seed,
    checked_vectors,
    checked_width,
    count,
    not_fitted,
    one_of,
)
from shoal.clustering.density import Neighbours, centroids, neighbours
from shoal.clustering.scaling import Scaling, scaling_of
from shoal.types import Progress, Scalar, Watch

SELECTIONS = ("eom", "leaf")


class HDBSCAN:
    """Campello, Moulavi and Sander (2013): the most persistent clusters of the density hierarchy.

    `smallest` is the fewest items of a cluster; `core` how many neighbours make an item's density (default:
    `smallest`); selection: "eom" takes the most persistent clusters, "leaf" the finest. It finds their number
    itself and calls what lies between them noise. Nothing in it is random. Fewer than `smallest` items, or
    one dense heap, are all noise.
    """

    name: ClassVar[str] = "hdbscan"
    finds_clusters: ClassVar[bool] = True

    def __init__(self, *, smallest: int = 5, core: int | None = None, selection: str = "eom") -> None:
        count(self.name, "smallest", smallest, 2)
        count(self.name, "core", smallest if core is None else core, 1)
        one_of(self.name, "selection", selection, SELECTIONS)
        self.smallest, self.core, self.selection = smallest, core, selection
        self._fitted: tuple[Scaling, Neighbours] | None = None

    def parameters(self) -> dict[str, Scalar]:
        """Return everything that decides the result."""
        return {"smallest": self.smallest, "core": self.core, "selection": self.selection}

    def fit(self, vectors: NDArray[Any], *, seed: int = 0, watch: Watch | None = None) -> Clustering:
        """Cluster vectors (N, D), the seed without effect; raise `ClusteringError` when malformed."""
        checked_seed(self.name, seed)
        checked = checked_vectors(self.name, vectors)
        if watch is not None:
            watch(Progress(0, 1, "HDBSCAN"))
        scaling = scaling_of(checked)
        x = scaling.apply(checked)
        labels = np.full(len(x), NOISE, np.int64)
        if len(x) >= max(self.smallest, self.core or 0):
            labels = self._search(x)
        clusters = int(labels.max()) + 1
        self._fitted = (scaling, neighbours(x, labels, clusters))
        facts: dict[str, Scalar] = {"noise": int((labels == NOISE).sum())}
        return Clustering(labels, clusters, None, scaling.undo(centroids(x, labels, clusters)), facts)

    def assign(self, vectors: NDArray[Any]) -> Labels:
        """Return for new vectors (M, D) the cluster of the nearest fitted item, -1 where it is out of reach.

        Raises `ClusteringError` before `fit`.
        """
        if self._fitted is None:
            raise not_fitted(self.name)
        scaling, fitted = self._fitted
        checked = checked_vectors(self.name, vectors)
        checked_width(self.name, checked, len(scaling.mean))
        return fitted.assign(scaling.apply(checked))

    def _search(self, x: NDArray[np.float32]) -> Labels:
        from sklearn import cluster

        method = cluster.HDBSCAN(
            min_cluster_size=self.smallest,
            min_samples=self.core,
            cluster_selection_method=self.selection,
            copy=True,
        )
        labels: Labels = method.fit(x.astype(np.float64)).labels_.astype(np.int64)
        return labels
