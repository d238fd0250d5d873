"""K-means: known values, starts, and every empty cluster that was filled counted."""

import numpy as np
import pytest

from shoal.clustering.base import ClusteringError
from shoal.clustering.kmeans import INITS, KMeans, distinct, empty, initial, lloyd, nearest

X = np.array([[0.0], [1.0], [10.0], [11.0], [20.0], [21.0]], np.float32)


def test_known_value_by_hand():
    got = KMeans(3).fit(X)
    assert sorted(got.centres[:, 0].tolist()) == pytest.approx([0.5, 10.5, 20.5], abs=1e-5)
    assert got.facts["objective"] == pytest.approx(6 * 0.25, rel=1e-5)
    assert got.facts["empty"] == got.facts["splits"] == 0


def test_the_objective_is_the_double_loop():
    x = np.random.default_rng(0).standard_normal((50, 3))
    got = KMeans(4).fit(x)
    wanted = sum(
        sum((float(x[i, d]) - float(got.centres[got.labels[i], d])) ** 2 for d in range(3)) for i in range(50)
    )
    assert got.facts["objective"] == pytest.approx(wanted, rel=1e-4)


def test_an_empty_cluster_is_split_from_another_and_counted():
    far = np.array([[0.0], [10.0], [1e3], [2e3]], np.float32)  # nothing is near the last two
    run = lloyd(X, far, iterations=50, tolerance=1e-4)
    assert run.splits >= 2
    assert empty(run.labels, 4) == 0
    without = lloyd(X, X[[0, 2, 4]].copy(), iterations=50, tolerance=1e-4)
    assert without.splits == 0


def test_the_count_of_one_iteration_is_the_number_of_empties():
    far = np.array([[0.0], [10.0], [1e3], [2e3]], np.float32)
    assert lloyd(X, far, iterations=1, tolerance=0.0).splits == 2


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("init", ["k-means++", "random"])
@pytest.mark.parametrize("clusters", [3, 4, 7, 30])
def test_fewer_distinct_items_than_clusters_are_a_cluster_each(clusters, init):
    rng = np.random.default_rng(0)
    x = np.repeat(rng.normal(size=(3, 5)), 10, axis=0)[rng.permutation(30)]
    for seed in range(3):
        method = KMeans(clusters, init=init)
        got = method.fit(x, seed=seed)
        assert got.facts == {"objective": 0.0, "iterations": 0, "splits": 0, "empty": clusters - 3}
        assert len(got.centres) == clusters
        assert np.allclose(got.centres[got.labels], x, atol=1e-6)
        assert (method.assign(x) == got.labels).all()
        # numbered as they come
        assert got.labels[0] == 0
        assert (np.maximum.accumulate(got.labels)[1:] - np.maximum.accumulate(got.labels)[:-1] <= 1).all()


def test_equal_items_are_found_however_late_they_differ():
    x = np.zeros((3_000, 1), np.float32)
    x[2_900:] = np.arange(100)[:, None]
    assert distinct(x, 99) is None
    first, places = distinct(x, 100)
    assert first.tolist() == [0, *range(2_901, 3_000)]
    assert (x[first[places]] == x).all()
    assert distinct(np.array([[0.0], [-0.0]], np.float32), 1) is not None


@pytest.mark.parametrize("init", INITS)
def test_no_two_starts_are_equal_however_many_items_are(init):
    rng = np.random.default_rng(0)
    x = np.zeros((5_000, 3), np.float32)
    x[::500] = rng.normal(size=(10, 3))
    for seed in range(5):
        first = initial(x, 8, init, seed)
        assert len(np.unique(first, axis=0)) == 8
        assert {*map(tuple, first.tolist())} <= {*map(tuple, x.tolist())}
        # each centre has an item of its own: nothing is empty, nothing to split
        run = lloyd(x, first, iterations=1, tolerance=0.0)
        assert (run.splits, empty(run.labels, 8)) == (0, 0)


def test_random_starts_are_the_first_of_the_order_where_all_items_differ():
    x = np.random.default_rng(0).standard_normal((50, 2)).astype(np.float32)
    assert np.array_equal(initial(x, 7, "random", 3), x[np.random.default_rng(3).permutation(50)[:7]])


def test_too_few_distinct_items_give_starts_all_the_same():
    x = np.repeat(np.eye(3, dtype=np.float32), 10, axis=0)
    first = initial(x, 7, "random", 0)
    assert first.shape == (7, 3)
    assert len(np.unique(first, axis=0)) == 3


def test_more_starts_are_never_worse():
    x = np.random.default_rng(1).standard_normal((200, 2))
    one, many = (KMeans(12, init="random", n_init=n).fit(x).facts["objective"] for n in (1, 8))
    assert many <= one


def test_no_worse_than_scikit_learn():
    from sklearn.cluster import KMeans as Reference

    x = np.random.default_rng(2).standard_normal((300, 5))
    theirs = Reference(8, n_init=10, random_state=0).fit(x).inertia_
    assert KMeans(8).fit(x).facts["objective"] <= 1.02 * theirs


@pytest.mark.parametrize(("shift", "scale"), [(1e4, 1.0), (0.0, 1e25), (0.0, 1e-25)])
def test_origin_and_unit_do_not_matter(shift, scale):
    x = np.random.default_rng(3).standard_normal((60, 4))
    x[:30] += 6
    plain, moved = KMeans(2).fit(x), KMeans(2).fit((x + shift) * scale)
    assert (plain.labels == moved.labels).all()
    assert np.allclose(moved.centres / scale - shift, plain.centres, atol=2e-3)


def test_every_item_may_be_its_own_cluster():
    got = KMeans(6).fit(X)
    assert sorted(got.labels.tolist()) == [0, 1, 2, 3, 4, 5]
    assert got.facts["objective"] == pytest.approx(0, abs=1e-6)


def test_nearest_is_the_double_loop():
    rng = np.random.default_rng(4)
    x, c = rng.standard_normal((30, 3)).astype(np.float32), rng.standard_normal((5, 3)).astype(np.float32)
    labels, squares = nearest(x, c)
    for i in range(30):
        all_of_them = [float(((x[i] - c[k]) ** 2).sum()) for k in range(5)]
        assert labels[i] == int(np.argmin(all_of_them))
        assert squares[i] == pytest.approx(min(all_of_them), rel=1e-4)


def test_settings_are_checked_by_name():
    with pytest.raises(ClusteringError, match=r"no init 'plusplus'; there are k-means\+\+, random"):
        KMeans(3, init="plusplus")
    with pytest.raises(ClusteringError, match="n_init=0"):
        KMeans(3, n_init=0)
