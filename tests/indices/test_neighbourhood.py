"""Known values by hand: points on a line."""

import numpy as np
import pytest

from shoal.indices import neighbourhood
from shoal.indices.neighbourhood import knn_accuracy, nearest_neighbours, neighbours_kept
from shoal.types import ShoalError

LINE = np.array([[0.0], [1.0], [3.0], [10.0], [11.0], [13.0]], dtype=np.float32)
TWO = np.array([0, 0, 0, 1, 1, 1])


def test_neighbours_on_a_line():
    assert nearest_neighbours(LINE, 2).tolist() == [[1, 2], [0, 2], [1, 0], [4, 5], [3, 5], [4, 3]]


def test_duplicates_never_name_themselves():
    same = np.zeros((6, 3), dtype=np.float32)
    found = nearest_neighbours(same, 3)
    assert found.shape == (6, 3)
    assert not (found == np.arange(6)[:, None]).any()


def test_accuracy_is_one_on_separate_groups_and_counts_the_stranger():
    assert knn_accuracy(LINE, TWO, k=2) == 1.0
    wrong = np.array([1, 0, 0, 1, 1, 1])
    # item 0 sees classes 0, 0 and item 1 sees 1 (nearer), 0; item 2 sees 0 (nearer), 1
    assert knn_accuracy(LINE, wrong, k=2) == pytest.approx(4 / 6)


def test_unlabelled_items_take_no_part():
    labels = np.array([0, 0, 0, 1, 1, -1])
    assert knn_accuracy(LINE, labels, k=1) == 1.0


def test_neighbours_kept_of_itself_is_one_and_of_noise_is_low():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(300, 8)).astype(np.float32)
    assert neighbours_kept(vectors, vectors) == 1.0
    assert neighbours_kept(vectors, rng.normal(size=(300, 2)).astype(np.float32)) < 0.15


@pytest.mark.parametrize("k", [0, 6])
def test_impossible_k_is_refused(k):
    with pytest.raises(ShoalError, match=f"k={k} for 6 vectors"):
        nearest_neighbours(LINE, k)


def test_many_neighbours_are_counted_in_blocks(monkeypatch):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(300, 3)), rng.integers(4, size=300)
    wanted = knn_accuracy(x, y, k=40), neighbours_kept(x, x[:, :2], k=40)
    before, after = nearest_neighbours(x, 40), nearest_neighbours(x[:, :2], 40)
    shared = [len(set(a) & set(b)) / 40 for a, b in zip(before.tolist(), after.tolist(), strict=True)]
    assert wanted[1] == pytest.approx(np.mean(shared))
    monkeypatch.setattr(neighbourhood, "BLOCK", 5_000)
    assert (knn_accuracy(x, y, k=40), neighbours_kept(x, x[:, :2], k=40)) == wanted


def test_votes_are_counted_in_little_memory():
    import tracemalloc

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2_000, 2)), rng.integers(4, size=2_000)
    tracemalloc.start()
    knn_accuracy(x, y, k=500)  # 500 million pairs of votes
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6
