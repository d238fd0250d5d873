"""One clustering of features within DeepCluster: k-means, softened by a mixture of Gaussians if wanted."""

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.clustering.base import Floats, Labels
from shoal.clustering.features import Whitening, whitening
from shoal.clustering.kmeans import empty, initial, lloyd, nearest
from shoal.clustering.matching import hungarian, overlap, soft_overlap


@dataclass(frozen=True, slots=True)
class Groups:
    """The clusters of N features: labels (N,), centres (K, c) in whitened components, shares (N, K) or None.

    `names` (K,) are the ids of the clusters as they were found; `mixture` made `soft`.
    """

    whitening: Whitening
    labels: Labels
    centres: Floats
    soft: Floats | None
    splits: int
    names: Labels
    mixture: Any = None

    @property
    def empty(self) -> int:
        """How many clusters have no item."""
        return empty(self.labels, len(self.centres))

    def assign(self, features: Floats) -> Labels:
        """Return the cluster (M,) of new features (M, D)."""
        x = self.whitening.apply(features)
        found = nearest(x, self.centres[self.names])[0] if self.mixture is None else self.mixture.predict(x)
        return self.names[found]

    def renamed(self, names: Labels) -> "Groups":
        """Return the same clusters, j now called names[j]."""
        back = np.argsort(names)
        return replace(
            self,
            labels=names[self.labels],
            centres=self.centres[back],
            soft=None if self.soft is None else self.soft[:, back],
            names=names[self.names],
        )

    def names_after(self, before: "Groups") -> Labels:
        """Return the id (K,) of each cluster here that keeps most items in the clusters they had before."""
        if self.soft is not None and before.soft is not None:
            return hungarian(soft_overlap(before.soft, self.soft))
        return hungarian(overlap(before.labels, self.labels, len(self.centres)))


def hard_groups(features: Floats, clusters: int, *, components: int, iterations: int, seed: int) -> Groups:
    """Cluster features (N, D): whiten, scale to length one, k-means from random items, as published."""
    white = whitening(features, components)
    x = white.apply(features)
    run = lloyd(x, initial(x, clusters, "random", seed), iterations=iterations, tolerance=0.0)
    return Groups(white, run.labels, run.centres, None, run.splits, np.arange(clusters))


def softened(groups: Groups, features: Floats, *, floor: float, iterations: int, seed: int) -> Groups:
    """Return the groups with the responsibilities of a mixture of Gaussians that EM fits from their means.

    The covariances are diagonal; `floor` times the mean variance within the clusters is added to each.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    x = groups.whitening.apply(features).astype(np.float64)
    weights, means, variances, pooled = _moments(x, groups)
    mixture = GaussianMixture(
        len(means),
        covariance_type="diag",
        reg_covar=floor * pooled,
        max_iter=iterations,
        weights_init=weights,
        means_init=means,
        precisions_init=1 / (variances + floor * pooled),
        init_params="random_from_data",  # all three are given; this is the one that costs nothing
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(x)
    soft: Floats = mixture.predict_proba(x).astype(np.float32)
    centres: Floats = mixture.means_.astype(np.float32)
    return replace(groups, labels=soft.argmax(axis=1), centres=centres, soft=soft, mixture=mixture)


def _moments(
    x: NDArray[np.float64], groups: Groups
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
    """Return weights (K,), means (K, c), variances (K, c) and the mean variance within the clusters.

    Each cluster has one item more than it has, with the variances of all: an empty one is possible then.
    """
    clusters = len(groups.centres)
    means = groups.centres.astype(np.float64)
    away = np.square(x - means[groups.labels])
    counts = np.bincount(groups.labels, minlength=clusters)
    sums = np.zeros_like(means)
    np.add.at(sums, groups.labels, away)
    every = away.mean(axis=0)
    pooled = max(float(every.mean()), 1e-9)
    variances = (sums + every) / (counts + 1)[:, None]
    return (counts + 1) / (len(x) + clusters), means, variances, pooled
