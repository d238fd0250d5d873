"""EVoC: what the package says of directions, what is added to it, and what is said where it is not."""

import sys
from typing import Any

import numpy as np
import pytest

from shoal.clustering import EVoC
from shoal.clustering.base import ClusteringError, seed_from
from shoal.clustering.evoc import _alike_for_equals, _directions

pytestmark = pytest.mark.timeout(1200)  # numba compiles the package at its first use


def package() -> Any:
    return pytest.importorskip("evoc", reason="pip install 'shoal[evoc]'")


def arcs(groups: int = 6, items: int = 60, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Groups along short arcs on a sphere of 24 dimensions, and the group of each item."""
    rng = np.random.default_rng(seed)
    y = np.arange(groups).repeat(items)
    ends = rng.normal(size=(2, groups, 24))
    along = rng.random((len(y), 1))
    x = ends[0][y] + 0.5 * along * ends[1][y] + 0.1 * rng.normal(size=(len(y), 24))
    return x.astype(np.float32), y


def test_the_labels_are_those_of_the_package():
    theirs = package().EVoC(random_state=seed_from(3), base_min_cluster_size=20)
    x, _ = arcs()
    got = EVoC(smallest=20).fit(x, seed=3)
    assert (got.labels == theirs.fit_predict(_directions(x))).all()
    assert got.facts == {"noise": int((got.labels == -1).sum()), "layers": len(theirs.cluster_layers_)}


def test_clusters_hold_one_group_each():
    package()
    x, y = arcs()
    found = EVoC(smallest=20).fit(x, seed=1)
    assert found.clusters >= 6
    assert (found.labels >= 0).mean() > 0.5
    assert all(len(set(y[found.labels == k].tolist())) == 1 for k in range(found.clusters))


def test_the_lengths_of_vectors_do_not_matter():
    package()
    x, _ = arcs()
    method = EVoC(smallest=20)
    labels = method.fit(x, seed=1).labels
    longer = x * 2.0 ** np.random.default_rng(0).integers(-20, 20, size=(len(x), 1))
    assert (method.fit(longer, seed=1).labels == labels).all()
    assert (method.assign(x) == labels).all()


@pytest.mark.parametrize("width", [1, 2, 3])
@pytest.mark.parametrize("items", [1, 2, 3, 4, 16])
def test_few_numbers_and_few_items_are_taken(items, width):
    package()
    found = EVoC(smallest=3).fit(np.random.default_rng(0).normal(size=(items, width)))
    assert found.labels.shape == (items,)
    assert set(found.labels.tolist()) <= {-1, *range(found.clusters)}


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "evoc", None)
    with pytest.raises(ClusteringError, match=r"evoc needs the package evoc.*pip install 'shoal\[evoc\]'"):
        EVoC().fit(arcs()[0])


def test_noise_is_a_share():
    with pytest.raises(ClusteringError, match=r"evoc got noise=1.5; it takes 0 to 1"):
        EVoC(noise=1.5)


def test_directions_by_hand():
    found = _directions(np.array([[3e38, 4e38], [-0.0, 0.0], [0.0, -2.0], [1e-300, 0.0]]))
    assert found.dtype == np.float32
    assert np.allclose(found, [[0.6, 0.8], [0, 0], [0, -1], [1, 0]])
    assert not np.signbit(found[1]).any()


def test_equal_rows_share_the_label_of_the_first_and_no_cluster_is_left_empty():
    x = np.array([[1, 0], [0, 1], [1, 0], [0, 1], [0.5, 0.5]], np.float32)
    assert _alike_for_equals(x, np.array([2, 0, 1, -1, 3])).tolist() == [1, 0, 1, 0, 2]
    assert _alike_for_equals(x, np.array([-1, 1, 0, 0, 1])).tolist() == [-1, 0, -1, 0, 0]
