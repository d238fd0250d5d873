"""The mixture of Gaussians and HDBSCAN: what theirs are known for, and what ours adds."""

import numpy as np
import pytest

from shoal.clustering.base import ClusteringError
from shoal.clustering.gmm import COVARIANCES, GMM
from shoal.clustering.hdbscan import HDBSCAN


def lines() -> tuple[np.ndarray, np.ndarray]:
    """Two long parallel lines: k-means cuts across them, Gaussians with full covariance do not."""
    rng = np.random.default_rng(0)
    y = np.arange(2).repeat(150)
    x = np.stack([20 * rng.standard_normal(300), 4.0 * y + 0.3 * rng.standard_normal(300)], axis=1)
    turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    return x @ turn, y


@pytest.mark.parametrize("covariance", ["tied", "full"])
def test_covariances_follow_the_shape_of_the_clusters(covariance):
    x, y = lines()
    got = GMM(2, covariance=covariance, n_init=10).fit(x)
    assert max((got.labels == y).mean(), (got.labels != y).mean()) > 0.99


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_the_log_likelihood_is_that_of_the_vectors_own_units(covariance):
    x, _ = lines()
    one, ten = (GMM(2, covariance=covariance).fit(x * s).facts["log_likelihood"] for s in (1, 10))
    assert one - ten == pytest.approx(2 * np.log(10), abs=1e-4)


def test_responsibilities_by_a_double_loop():
    x = np.array([[-2.0], [-1.0], [0.1], [1.0], [2.0], [2.2]])
    method = GMM(2, iterations=500, floor=1e-6)
    got = method.fit(x)
    mixture = method._fitted[1]
    unit = x.std()
    for i in range(6):
        z = (x[i, 0] - x.mean()) / unit
        densities = [
            mixture.weights_[k]
            * np.exp(-((z - mixture.means_[k, 0]) ** 2) / (2 * mixture.covariances_[k, 0]))
            / np.sqrt(2 * np.pi * mixture.covariances_[k, 0])
            for k in range(2)
        ]
        assert np.allclose(got.soft[i], np.array(densities) / sum(densities), atol=1e-4)


def test_a_mixture_of_one_item_is_refused():
    with pytest.raises(ClusteringError, match="gmm got 1 items"):
        GMM(1).fit(np.ones((1, 3)))


def test_what_lies_between_is_noise_and_so_are_newcomers_far_away():
    rng = np.random.default_rng(0)
    y = np.arange(3).repeat(40)
    x = 10 * np.eye(3)[y] + 0.5 * rng.standard_normal((120, 3))
    method = HDBSCAN(smallest=10)
    got = method.fit(np.concatenate([x, [[-60, -60, -60], [90, -90, 90]]]))
    assert got.clusters == 3
    assert got.facts["noise"] >= 2
    assert (got.labels[-2:] == -1).all()
    assert method.assign(np.array([[500.0, 0, 0], [10.0, 0, 0]])).tolist() == [-1, int(got.labels[0])]


def test_centres_are_the_means_of_the_members():
    x = np.concatenate([np.random.default_rng(k).standard_normal((30, 4)) + 20 * k for k in range(2)])
    got = HDBSCAN(smallest=10).fit(x)
    for k in range(2):
        assert np.allclose(got.centres[k], x[got.labels == k].mean(axis=0), atol=1e-4)


def test_without_a_dense_group_everything_is_noise():
    method = HDBSCAN(smallest=20)
    got = method.fit(np.random.default_rng(0).standard_normal((19, 3)))
    assert (got.labels == -1).all()
    assert got.clusters == 0
    assert method.assign(np.zeros((2, 3))).tolist() == [-1, -1]
