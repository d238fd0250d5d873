"""EVoC: clusters of a neighbour graph of directions, noise elsewhere; by the package evoc."""

import warnings
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from shoal.arrays import unit_vectors
from shoal.clustering.base import (
    NOISE,
    Clustering,
    ClusteringError,
    Floats,
    Labels,
    at_least,
    checked_seed,
    checked_vectors,
    checked_width,
    count,
    not_fitted,
    seed_from,
)
from shoal.clustering.density import Neighbours, centroids, neighbours
from shoal.clustering.scaling import scaling_of
from shoal.types import Progress, Scalar, Watch

FEWEST = 3
"""Below this many items the package fails."""


class EVoC:
    """Embedding Vector Oriented Clustering, of the Tutte Institute: dense groups in a graph of neighbours.

    The graph is embedded in a few dimensions, the hierarchy of densities there is cut at several sizes, and
    the most persistent layer is taken. Vectors are compared by their angles about the origin, lengths do not
    matter. `smallest` is the fewest items of a cluster in the finest layer, `neighbours` how many an item has
    in the graph, `noise` from 0 (cluster more) to 1 (be sure). It finds the number of clusters itself. Fewer
    than `smallest` items are all noise; equal ones get the cluster of the first of them.
    """

    name: ClassVar[str] = "evoc"
    package: ClassVar[str] = "evoc"
    finds_clusters: ClassVar[bool] = True

    def __init__(self, *, smallest: int = 5, neighbours: int = 15, noise: float = 0.5) -> None:
        count(self.name, "smallest", smallest, 2)
        count(self.name, "neighbours", neighbours, 2)
        at_least(self.name, "noise", noise, 0)
        if noise > 1:
            raise ClusteringError(f"clustering {self.name} got noise={noise!r}; it takes 0 to 1.")
        self.smallest, self.neighbours, self.noise = smallest, neighbours, noise
        self._fitted: tuple[int, Neighbours] | None = None

    def parameters(self) -> dict[str, Scalar]:
        """Return everything besides the seed that decides the result."""
        return {"smallest": self.smallest, "neighbours": self.neighbours, "noise": self.noise}

    def fit(self, vectors: NDArray[Any], *, seed: int = 0, watch: Watch | None = None) -> Clustering:
        """Cluster vectors (N, D); raise `ClusteringError` when malformed or without the package."""
        checked_seed(self.name, seed)
        checked = checked_vectors(self.name, vectors)
        if watch is not None:
            watch(Progress(0, 1, "EVoC; compiling itself when it is first used"))
        x = _directions(checked)
        labels, layers = np.full(len(x), NOISE, np.int64), 0
        if len(x) >= max(self.smallest, FEWEST):
            labels, layers = self._search(x, seed_from(seed))
        clusters = int(labels.max()) + 1
        self._fitted = (x.shape[1], neighbours(x, labels, clusters))
        scaling = scaling_of(checked)
        centres = scaling.undo(centroids(scaling.apply(checked), labels, clusters))
        facts: dict[str, Scalar] = {"noise": int((labels == NOISE).sum()), "layers": layers}
        return Clustering(labels, clusters, None, centres, facts)

    def assign(self, vectors: NDArray[Any]) -> Labels:
        """Return for new vectors (M, D) the cluster of the fitted item at the least angle, -1 out of reach.

        Raises `ClusteringError` before `fit`.
        """
        if self._fitted is None:
            raise not_fitted(self.name)
        width, fitted = self._fitted
        checked = checked_vectors(self.name, vectors)
        checked_width(self.name, checked, width)
        return fitted.assign(_directions(checked))

    def _search(self, x: Floats, seed: int) -> tuple[Labels, int]:
        """Return the cluster of each direction x (N, D), and how many layers there were to choose from."""
        try:
            import evoc
        except ImportError as problem:
            raise ClusteringError(
                f"clustering {self.name} needs the package evoc, which does not load here ({problem}): "
                "pip install 'shoal[evoc]', or take hdbscan, which needs nothing."
            ) from problem
        near = min(self.neighbours, len(x) - 1)
        method = evoc.EVoC(
            noise_level=float(self.noise),
            base_min_cluster_size=int(self.smallest),
            n_neighbors=int(near),
            # as by default, but no more than there is
            node_embedding_dim=min(max(near // 4, 4), 15, *x.shape),
            random_state=seed,
        )
        with warnings.catch_warnings():
            # equal or few items: a division by their spread, a graph in pieces
            warnings.simplefilter("ignore")
            found = method.fit_predict(x).astype(np.int64)
        return _alike_for_equals(x, found), len(method.cluster_layers_)


def _directions(vectors: NDArray[np.floating]) -> Floats:
    """Return vectors (N, D) at length one, in float32; one of length zero stays."""
    # equal directions have equal bytes: in float64 they are rounded once, and adding 0 makes -0 a 0
    unit: Floats = unit_vectors(vectors.astype(np.float64)) + np.float32(0.0)
    return unit


def _alike_for_equals(x: Floats, labels: Labels) -> Labels:
    """Return labels (N,) with that of the first of equal rows of x (N, D) for all of them, without gaps."""
    _, first, places = np.unique(x, axis=0, return_index=True, return_inverse=True)
    alike = labels[first][places.ravel()]
    kept = np.unique(alike[alike != NOISE])
    renamed: Labels = np.where(alike == NOISE, NOISE, np.searchsorted(kept, alike))
    return renamed
