"""Known values by hand: a table of two labellings, points on a line."""

import numpy as np
import pytest

from shoal.indices import (
    ValidityError,
    accuracy,
    continuity,
    map_at_r,
    matching,
    pairwise_f1,
    purity,
    r_precision,
    recall_at_k,
    trustworthiness,
)

#        found: 0  1  2
# true 0        3  1  0
# true 1        2  0  4
TRUTH = np.repeat([0, 0, 1, 1], [3, 1, 2, 4])
FOUND = np.repeat([0, 1, 0, 2], [3, 1, 2, 4])


def test_agreement_by_hand():
    assert accuracy(TRUTH, FOUND) == pytest.approx((3 + 4) / 10)
    assert purity(TRUTH, FOUND) == pytest.approx((3 + 1 + 4) / 10)
    # pairs together in both: 3 + 1 + 6; true pairs 6 + 15, found pairs 10 + 0 + 6
    assert pairwise_f1(TRUTH, FOUND) == pytest.approx(2 * 10 / (21 + 16))


def test_purity_is_the_micro_f1_after_naming_classes_by_their_majority():
    from sklearn.metrics import f1_score

    named = np.array([0, 0, 1])[FOUND]
    assert purity(TRUTH, FOUND) == pytest.approx(f1_score(TRUTH, named, average="micro"))


def test_singletons_flatter_purity_and_nothing_else():
    alone = np.arange(10)
    assert purity(TRUTH, alone) == 1.0
    assert accuracy(TRUTH, alone) == pytest.approx(0.2)
    assert pairwise_f1(TRUTH, alone) == 0.0
    assert pairwise_f1(alone, alone) == 1.0


def random_labels(n: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(classes, size=n), rng.integers(classes, size=n)


@pytest.mark.parametrize("dense", [0, matching.DENSE])
@pytest.mark.parametrize(("n", "classes"), [(200, 5), (200, 40), (200, 150), (60, 300)])
def test_accuracy_equals_the_matching_of_the_whole_table(n, classes, dense, monkeypatch):
    from scipy.optimize import linear_sum_assignment

    monkeypatch.setattr(matching, "DENSE", dense)
    for seed in range(3):
        truth, found = random_labels(n, classes, seed)
        table = np.zeros((classes, classes), dtype=int)
        np.add.at(table, (truth, found), 1)
        wanted = table[linear_sum_assignment(table, maximize=True)].sum() / n
        assert accuracy(truth, found) == pytest.approx(wanted)
        assert accuracy(found, truth) == pytest.approx(wanted)


@pytest.mark.parametrize("metric", [accuracy, purity, pairwise_f1])
def test_memory_follows_the_items_not_the_product_of_the_classes(metric):
    import tracemalloc

    alone = np.arange(20_000)  # a whole table would hold 3.2 GB
    tracemalloc.start()
    assert metric(alone, alone[::-1]) == 1.0
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6


LINE = np.array([[0.0], [1.0], [2.2], [3.3], [10.0], [11.5]])
LABELS = np.array([0, 0, 1, 0, 1, 2])


def test_retrieval_by_hand():
    # neighbours: 0: 1 2 3 | 1: 0 2 3 | 2: 3 1 0 | 3: 2 1 0 | 4: 5 3 2; class 2 is alone and asks nothing
    assert recall_at_k(LINE, LABELS, k=1) == pytest.approx(2 / 5)
    assert recall_at_k(LINE, LABELS, k=2) == pytest.approx(3 / 5)
    assert recall_at_k(LINE, LABELS, k=3) == pytest.approx(4 / 5)
    assert r_precision(LINE, LABELS) == pytest.approx((1 / 2 + 1 / 2 + 0 + 1 / 2 + 0) / 5)
    # of class 0, R = 2: hits at 1; at 1; at 2 with precision 1/2
    assert map_at_r(LINE, LABELS) == pytest.approx((1 / 2 + 1 / 2 + 0 + 1 / 4 + 0) / 5)


def test_unlabelled_items_are_neither_asked_nor_found():
    more = np.concatenate([LINE, LINE + 0.01, [[np.nan]]])
    labels = np.concatenate([LABELS, np.full(7, -1)])
    for metric in (recall_at_k, r_precision, map_at_r):
        assert metric(more, labels) == metric(LINE, LABELS)


def test_what_retrieval_refuses():
    with pytest.raises(ValidityError, match="k=6 for 6 items"):
        recall_at_k(LINE, LABELS, k=6)
    with pytest.raises(ValidityError, match="map_at_r got 6 singletons"):
        map_at_r(LINE, np.arange(6))
    with pytest.raises(ValidityError, match="r_precision got 1 classes"):
        r_precision(LINE, np.zeros(6, dtype=int))


def test_trustworthiness_by_hand():
    # swapping the ends of a line of five makes the far item nearest: rank 4 for both, k = 1
    line, swapped = np.arange(5.0)[:, None], np.array([4.0, 1, 2, 3, 0])[:, None]
    assert trustworthiness(line, line, 1) == 1.0
    # on the map 0's nearest is item 3 (rank 3), 1's is 4 (rank 3 or 2), and mirrored
    value = trustworthiness(line + np.array([[0, 0.1, 0, -0.1, 0.2]]).T, swapped, 1)
    assert 0.0 <= value < 1.0
    assert continuity(line, line, 1) == 1.0


def test_what_trustworthiness_refuses():
    with pytest.raises(ValidityError, match="5 vectors and 4 positions"):
        trustworthiness(np.eye(5), np.eye(4), 1)
    with pytest.raises(ValidityError, match="k=3"):
        trustworthiness(np.eye(5), np.eye(5), 3)
