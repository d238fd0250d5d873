"""Equality with scikit-learn and pytorch-metric-learning, and with permetrics where it follows the paper."""

import numpy as np
import permetrics
import pytest
import torch
from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
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


def two_labellings() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = rng.integers(6, size=500)
    return truth, np.where(rng.random(500) < 0.6, truth, rng.integers(9, size=500))


def test_agreement_equals_scikit_learn():
    truth, found = two_labellings()
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
    x, y = partition(500, singletons=3)
    wanted = ("precision_at_1", "r_precision", "mean_average_precision_at_r")
    calculator = AccuracyCalculator(include=wanted, k="max_bin_count", device=torch.device("cpu"))
    theirs = calculator.get_accuracy(torch.from_numpy(x.astype(np.float32)), torch.from_numpy(y))
    assert recall_at_k(x, y) == pytest.approx(theirs["precision_at_1"], abs=1e-9)
    assert r_precision(x, y) == pytest.approx(theirs["r_precision"], abs=1e-9)
    assert map_at_r(x, y) == pytest.approx(theirs["mean_average_precision_at_r"], abs=1e-9)


# permetrics 2.1.0 on partition(400, singletons=0) and on two_labellings()
PERMETRICS = {
    "calinski-harabasz": 40.747531884477,
    "davies-bouldin": 2.359252258252669,
    "dunn": 0.09676658431429093,
    "silhouette": 0.06525173801905634,
}
PERMETRICS_AGREEMENT = {
    "ari": 0.37187318234106287,
    "completeness": 0.3407267491267757,
    "nmi": 0.3678255166831568,
    "pairwise-f1": 0.46381889233256973,
    "purity": 0.672,
}


def test_equal_to_what_permetrics_said_where_it_follows_the_papers():
    x, y = partition(400, singletons=0)
    for row, value in PERMETRICS.items():
        assert INDICES.load(row)(x, y) == pytest.approx(value, rel=1e-6), row
    for row, value in PERMETRICS_AGREEMENT.items():
        assert AGREEMENTS.load(row)(*two_labellings()) == pytest.approx(value, rel=1e-6), row


def test_permetrics_says_so_still():
    """Its Xie-Beni measures items to the nearest mean instead of their own; its homogeneity is another's."""
    x, y = partition(400, singletons=0)
    theirs = permetrics.ClusteringMetric(X=x, y_pred=np.unique(y, return_inverse=True)[1])
    truth, found = two_labellings()
    agreed = permetrics.ClusteringMetric(y_true=truth, y_pred=found)
    assert (
        pytest.approx(
            {
                "calinski-harabasz": theirs.calinski_harabasz_index(),
                "davies-bouldin": theirs.davies_bouldin_index(),
                "dunn": theirs.dunn_index(use_modified=False),
                "silhouette": theirs.silhouette_index(),
            }
        )
        == PERMETRICS
    )
    assert (
        pytest.approx(
            {
                "ari": agreed.adjusted_rand_score(),
                "completeness": agreed.completeness_score(),
                "nmi": agreed.normalized_mutual_info_score(),
                "pairwise-f1": agreed.f_measure_score(),
                "purity": agreed.purity_score(),
            }
        )
        == PERMETRICS_AGREEMENT
    )
