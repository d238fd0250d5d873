"""A mixture of Gaussians, fitted by expectation-maximisation in scikit-learn."""

import warnings
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
from shoal.clustering.kmeans import empty
from shoal.clustering.scaling import Scaling, scaling_of
from shoal.types import Progress, Scalar, Watch

COVARIANCES = ("diag", "tied", "full")


class GMM:
    """K Gaussians with weights, by EM (Dempster, Laird and Rubin 1977) from a k-means start.

    covariance: "diag" has one variance a cluster and dimension, "tied" one full matrix for all, "full" one a
    cluster (D x D: only for few dimensions). `floor`, in units of the vectors' mean variance, is added to
    every variance, so that a cluster of equal items stays finite. `soft` are the responsibilities.
    """

    name: ClassVar[str] = "gmm"
    finds_clusters: ClassVar[bool] = False

    def __init__(
        self,
        clusters: int = 10,
        *,
        covariance: str = "diag",
        n_init: int = 1,
        iterations: int = 100,
        floor: float = 1e-4,
    ) -> None:
        count(self.name, "clusters", clusters, 1)
        count(self.name, "n_init", n_init, 1)
        count(self.name, "iterations", iterations, 1)
        at_least(self.name, "floor", floor, 1e-9)
        one_of(self.name, "covariance", covariance, COVARIANCES)
        self.clusters, self.covariance, self.n_init = clusters, covariance, n_init
        self.iterations, self.floor = iterations, floor
        self._fitted: tuple[Scaling, Any] | None = None

    def parameters(self) -> dict[str, Scalar]:
        """Return everything besides the seed that decides the result."""
        return {
            "clusters": self.clusters,
            "covariance": self.covariance,
            "n_init": self.n_init,
            "iterations": self.iterations,
            "floor": self.floor,
        }

    def fit(self, vectors: NDArray[Any], *, seed: int = 0, watch: Watch | None = None) -> Clustering:
        """Cluster vectors (N, D); raise `ClusteringError` when malformed, N < `clusters` or N < 2."""
        checked_seed(self.name, seed)
        checked = checked_vectors(self.name, vectors)
        enough(self.name, len(checked), max(2, self.clusters))
        scaling = scaling_of(checked)
        x = scaling.apply(checked)
        mixtures = []
        for start in range(self.n_init):
            if watch is not None:
                watch(Progress(start, self.n_init, "mixture of Gaussians"))
            mixtures.append(self._expect_and_maximise(x, seed_from(seed, start)))
        best = max(mixtures, key=lambda mixture: float(mixture.lower_bound_))
        self._fitted = (scaling, best)
        return self._clustering(x, scaling, best)

    def assign(self, vectors: NDArray[Any]) -> Labels:
        """Return the likeliest cluster (M,) of new vectors (M, D); raise `ClusteringError` before `fit`."""
        if self._fitted is None:
            raise not_fitted(self.name)
        scaling, mixture = self._fitted
        checked = checked_vectors(self.name, vectors)
        checked_width(self.name, checked, len(scaling.mean))
        labels: Labels = _responsibilities(mixture, scaling.apply(checked)).argmax(axis=1)
        return labels

    def _expect_and_maximise(self, x: Floats, seed: int) -> Any:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture

        mixture = GaussianMixture(
            self.clusters,
            covariance_type=self.covariance,
            max_iter=self.iterations,
            reg_covar=self.floor,
            random_state=seed,
        )
        with warnings.catch_warnings():
            # Not converged is a fact of the result; fewer distinct items than clusters is no mistake.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return mixture.fit(x.astype(np.float64))

    def _clustering(self, x: Floats, scaling: Scaling, mixture: Any) -> Clustering:
        soft = _responsibilities(mixture, x)
        labels = soft.argmax(axis=1)
        facts: dict[str, Scalar] = {
            "log_likelihood": float(mixture.lower_bound_) - len(scaling.mean) * float(np.log(scaling.unit)),
            "iterations": int(mixture.n_iter_),
            "converged": bool(mixture.converged_),
            "empty": empty(labels, self.clusters),
        }
        return Clustering(labels, self.clusters, soft, scaling.undo(mixture.means_), facts)


def _responsibilities(mixture: Any, x: Floats) -> Floats:
    soft: Floats = mixture.predict_proba(x.astype(np.float64)).astype(np.float32)
    return soft
