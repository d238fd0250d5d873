"""K-means: faiss does the iterations, and says how often it had to fill an empty cluster."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from shoal.clustering.base import (
    Clustering,
    Floats,
    Labels,
    at_least,
    checked_seed,
    checked_vectors,
    checked_width,
    count,
    enough,
    not_fitted,
    one_of,
    seed_from,
)
from shoal.clustering.scaling import Scaling, scaling_of
from shoal.types import Progress, Scalar, Watch

INITS = ("k-means++", "random")
FAR = 100.0
"""In float32 the squared distances of newcomers beyond this, in units of the spread, are mostly rounding."""
AT_ONCE = 10
"""Iterations between two looks at the objective."""


class KMeans:
    """K-means by Lloyd's iterations, the best of `n_init` starts by its sum of squared distances.

    Starts are k-means++ (Arthur and Vassilvitskii 2007, with scikit-learn's greedy trials) or random items,
    no two of them equal. After each iteration faiss fills every empty cluster: a donor, drawn with
    probability proportional to its size less one, is split in two. `facts["splits"]` counts that over the
    iterations of the best start; `facts["empty"]` are the clusters without an item at the end, which only
    many equal items cause. It stops when ten iterations improve the objective by less than `tolerance` of
    itself and nothing was split. With no more distinct items than clusters each is a cluster, the objective
    is 0 and the other clusters empty.
    """

    name: ClassVar[str] = "kmeans"
    finds_clusters: ClassVar[bool] = False

    def __init__(
        self,
        clusters: int = 10,
        *,
        init: str = "k-means++",
        n_init: int = 10,
        iterations: int = 100,
        tolerance: float = 1e-4,
    ) -> None:
        count(self.name, "clusters", clusters, 1)
        count(self.name, "n_init", n_init, 1)
        count(self.name, "iterations", iterations, 1)
        at_least(self.name, "tolerance", tolerance, 0)
        one_of(self.name, "init", init, INITS)
        self.clusters, self.init, self.n_init = clusters, init, n_init
        self.iterations, self.tolerance = iterations, tolerance
        self._fitted: tuple[Scaling, Floats] | None = None

    def parameters(self) -> dict[str, Scalar]:
        """Return everything besides the seed that decides the result."""
        return {
            "clusters": self.clusters,
            "init": self.init,
            "n_init": self.n_init,
            "iterations": self.iterations,
            "tolerance": self.tolerance,
        }

    def fit(self, vectors: NDArray[Any], *, seed: int = 0, watch: Watch | None = None) -> Clustering:
        """Cluster vectors (N, D); raise `ClusteringError` when malformed or N < `clusters`."""
        checked_seed(self.name, seed)
        checked = checked_vectors(self.name, vectors)
        enough(self.name, len(checked), self.clusters)
        scaling = scaling_of(checked)
        x = scaling.apply(checked)
        runs = []
        for start in range(self.n_init):
            if watch is not None:
                watch(Progress(start, self.n_init, "k-means"))
            first = initial(x, self.clusters, self.init, seed_from(seed, start))
            runs.append(lloyd(x, first, iterations=self.iterations, tolerance=self.tolerance))
        best = min(runs, key=lambda run: run.objective)
        self._fitted = (scaling, best.centres)
        facts: dict[str, Scalar] = {
            "objective": best.objective * scaling.unit**2,
            "iterations": best.iterations,
            "splits": best.splits,
            "empty": empty(best.labels, self.clusters),
        }
        return Clustering(best.labels, self.clusters, None, scaling.undo(best.centres), facts)

    def assign(self, vectors: NDArray[Any]) -> Labels:
        """Return the nearest centre (M,) of new vectors (M, D); raise `ClusteringError` before `fit`."""
        if self._fitted is None:
            raise not_fitted(self.name)
        scaling, centres = self._fitted
        checked = checked_vectors(self.name, vectors)
        checked_width(self.name, checked, centres.shape[1])
        x = scaling.apply(checked)
        labels = nearest(x, centres)[0]
        far = np.flatnonzero(np.abs(x).max(axis=1) > FAR)
        labels[far] = _nearest_from_afar(x[far], centres)
        return labels


@dataclass(frozen=True, slots=True)
class Run:
    """One start of k-means and where it led: centres (K, D), labels (N,), the sum of squared distances."""

    centres: Floats
    labels: Labels
    objective: float
    iterations: int
    splits: int


def initial(x: Floats, clusters: int, init: str, seed: int) -> Floats:
    """Return `clusters` rows of x (N, D) to start from, far apart ("k-means++") or at random.

    Random ones are distinct where x has so many distinct rows: equal centres would start with all but one of
    them empty.
    """
    if init == "random":
        return x[_random_distinct(x, clusters, np.random.default_rng(seed).permutation(len(x)))]
    from sklearn.cluster import kmeans_plusplus

    centres: Floats = kmeans_plusplus(x, clusters, random_state=seed)[0]
    return centres


def _random_distinct(x: Floats, clusters: int, order: Labels) -> Labels:
    """Return the places (K,) of the first distinct rows of x (N, D) in that order (N,), then of others."""
    looked_at = clusters
    while True:
        _, first = np.unique(_whole(x[order[:looked_at]]), return_index=True)
        if len(first) >= clusters or looked_at >= len(order):
            break
        looked_at *= 2
    first.sort()
    rest = np.setdiff1d(np.arange(clusters), first)
    return order[np.append(first, rest)[:clusters]]


def lloyd(x: Floats, centres: Floats, *, iterations: int, tolerance: float) -> Run:
    """Iterate from centres (K, D) on x (N, D) until the objective stays; count the clusters split.

    Where x has no more than K distinct rows these are the centres, the first again for those left over.
    """
    import faiss

    few = distinct(x, len(centres))
    if few is not None:
        first, labels = few
        return Run(x[np.append(first, np.full(len(centres) - len(first), first[0]))], labels, 0.0, 0, 0)
    done, splits, before = 0, 0, np.inf
    while done < iterations:
        trainer = faiss.Kmeans(
            x.shape[1],
            len(centres),
            niter=min(AT_ONCE, iterations - done),
            min_points_per_centroid=1,
            max_points_per_centroid=len(x),  # by default faiss looks at 256 items a cluster only
        )
        trainer.train(x, init_centroids=centres)
        stats: list[dict[str, float]] = trainer.iteration_stats or []
        centres, done = np.asarray(trainer.centroids, np.float32), done + len(stats)
        splits += int(sum(each["nsplit"] for each in stats))
        after = stats[-1]["obj"]
        if before - after <= tolerance * after and not stats[-1]["nsplit"]:
            break
        before = after
    labels, squares = nearest(x, centres)
    return Run(centres, labels, float(squares.sum(dtype=np.float64)), done, splits)


def distinct(x: Floats, most: int) -> tuple[Labels, Labels] | None:
    """Return where each distinct row of x (N, D) first stands (M,), and each row's place among these (N,).

    Rows are equal as numbers, ordered as they come; None where there are more than `most` of them.
    """
    # a part of the rows mostly shows enough
    if len(np.unique(_whole(x[: max(1_000, 4 * most)]))) > most:
        return None
    _, first, places = np.unique(_whole(x), return_index=True, return_inverse=True)
    if len(first) > most:
        return None
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return first[order].astype(np.int64), place[places].astype(np.int64)


def _whole(x: Floats) -> NDArray[np.void]:
    """Return each row of x (N, D) as one thing that is sorted by its bytes (N,); adding 0 makes -0 a 0."""
    rows = np.ascontiguousarray(x + np.float32(0.0))
    return rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel()


def nearest(x: Floats, centres: Floats) -> tuple[Labels, Floats]:
    """Return for each row of x (N, D) the nearest of centres (K, D), and the squared distance to it."""
    import faiss

    index = faiss.IndexFlatL2(centres.shape[1])
    index.add(np.ascontiguousarray(centres))
    squares, labels = index.search(x, 1)
    return labels[:, 0].astype(np.int64), squares[:, 0]


def _nearest_from_afar(x: Floats, centres: Floats) -> Labels:
    """Return the nearest of centres (K, D) for rows x (M, D) beside whose squares the differences vanish."""
    middles = centres.astype(np.float64)
    closeness = x.astype(np.float64) @ middles.T - np.square(middles).sum(axis=1) / 2
    found: Labels = closeness.argmax(axis=1)
    return found


def empty(labels: Labels, clusters: int) -> int:
    """Return how many of `clusters` have no item in labels (N,)."""
    return clusters - len(np.unique(labels[labels >= 0]))
