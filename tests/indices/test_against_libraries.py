"""Equality with scikit-learn and pytorch-metric-learning, and with permetrics where it follows the paper."""

import numpy as np
import pytest
from sklearn import metrics
from sklearn.manifold import trustworthiness as their_trustworthiness

from shoal.indices import AGREEMENTS, INDICES, continuity, map_at_r, r_precision, recall_at_k, trustworthiness


def partition(n: int = 1_300, k: int = 9, *, singletons: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """More rows than a tile, classes of different sizes, some of one item."""
    rng = np.random.default_rng(0)
    y = np.sort(rng.integers(k, size=n) * rng.integers(1, 3, size=n))
    y[:singletons] = 100 + np.arange(singletons)
    x = rng.normal(size=(y.max() + 1, 6))[y] + rng.normal(size=(n, 6))
    order = rng.permutation(n)
    return x[order], y[order]


@pytest.mark.parametrize("singletons", [0, 2])
def test_silhouettes_calinski_harabasz_and_davies_bouldin_equal_scikit_learn(singletons):
    x, y = partition(singletons=singletons)
    samples = metrics.silhouette_samples(x, y)
    macro = np.mean([samples[y == k].mean() for k in np.unique(y)])
    wanted = {
        "silhouette": samples.mean(),
        "silhouette-macro": macro,
        "silhouette-squared": metrics.silhouette_score(x, y, metric="sqeuclidean"),
        "calinski-harabasz": metrics.calinski_harabasz_score(x, y),
        "davies-bouldin": metrics.davies_bouldin_score(x, y),
    }
    for row, value in wanted.items():
        assert INDICES.load(row)(x, y) == pytest.approx(value, rel=1e-9), row


def test_small_groups_far_from_the_origin_keep_their_digits():
    x, y = partition(600)
    near = 1e-4 * x + 1e4
    wanted = metrics.silhouette_score(near - near.mean(axis=0), y)
    assert INDICES.load("silhouette")(near, y) == pytest.approx(wanted, rel=1e-9)
    exact = INDICES.load("silhouette-squared")(near, y)
    assert exact == pytest.approx(INDICES.load("silhouette-squared")(x, y), rel=1e-6)


def test_agreement_equals_scikit_learn():
    rng = np.random.default_rng(0)
    truth = rng.integers(6, size=500)
    found = np.where(rng.random(500) < 0.6, truth, rng.integers(9, size=500))
    theirs = {
        "nmi": metrics.normalized_mutual_info_score,
        "ami": metrics.adjusted_mutual_info_score,
        "ari": metrics.adjusted_rand_score,
        "v-measure": metrics.v_measure_score,
        "homogeneity": metrics.homogeneity_score,
        "completeness": metrics.completeness_score,
    }
    for row, metric in theirs.items():
        assert AGREEMENTS.load(row)(truth, found) == pytest.approx(metric(truth, found), abs=1e-12)
    (_, false), (missed, both) = metrics.pair_confusion_matrix(truth, found)
    wanted = 2 * both / (2 * both + false + missed)
    assert AGREEMENTS.load("pairwise-f1")(truth, found) == pytest.approx(wanted, abs=1e-12)


def test_trustworthiness_equals_scikit_learn():
    rng = np.random.default_rng(0)
    x, xy = rng.normal(size=(700, 8)), rng.normal(size=(700, 2))
    xy[:350] = x[:350, :2]
    for k in (1, 5, 30):
        wanted = their_trustworthiness(x, xy, n_neighbors=k)
        assert trustworthiness(x, xy, k) == pytest.approx(wanted, abs=1e-12)
        assert continuity(x, xy, k) == pytest.approx(their_trustworthiness(xy, x, n_neighbors=k), abs=1e-12)


def test_retrieval_equals_pytorch_metric_learning():
    accuracy = pytest.importorskip("pytorch_metric_learning.utils.accuracy_calculator")
    import torch

    x, y = partition(500, singletons=3)
    wanted = ("precision_at_1", "r_precision", "mean_average_precision_at_r")
    calculator = accuracy.AccuracyCalculator(include=wanted, k="max_bin_count", device=torch.device("cpu"))
    theirs = calculator.get_accuracy(torch.from_numpy(x.astype(np.float32)), torch.from_numpy(y))
    assert recall_at_k(x, y) == pytest.approx(theirs["precision_at_1"], abs=1e-9)
    assert r_precision(x, y) == pytest.approx(theirs["r_precision"], abs=1e-9)
    assert map_at_r(x, y) == pytest.approx(theirs["mean_average_precision_at_r"], abs=1e-9)


def test_equal_to_permetrics_where_it_follows_the_papers():
    """Its Xie-Beni measures each item to the nearest mean instead of its own."""
    permetrics = pytest.importorskip("permetrics", reason="pip install 'shoal[references]'")
    x, y = partition(400, singletons=0)
    theirs = permetrics.ClusteringMetric(X=x, y_pred=np.unique(y, return_inverse=True)[1])
    wanted = {
        "calinski-harabasz": theirs.calinski_harabasz_index(),
        "davies-bouldin": theirs.davies_bouldin_index(),
        "dunn": theirs.dunn_index(use_modified=False),
        "silhouette": theirs.silhouette_index(),
    }
    for row, value in wanted.items():
        assert INDICES.load(row)(x, y) == pytest.approx(value, rel=1e-6), row
