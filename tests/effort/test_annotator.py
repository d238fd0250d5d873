"""The simulated annotator on maps whose effort can be counted by hand."""

import numpy as np
import pytest

from shoal.effort import Learned, measure_effort
from shoal.effort.curve import EffortError

ALL = (0.5, 1.0)


def blobs(*sizes: int, apart: float = 100.0) -> tuple[np.ndarray, np.ndarray]:
    """Tight groups in a row, one class each."""
    truth = np.repeat(np.arange(len(sizes)), sizes)
    rng = np.random.default_rng(1)
    xy = rng.uniform(-1, 1, (len(truth), 2)) + apart * truth[:, None]
    return xy, truth


def test_two_blobs_are_two_gestures():
    effort = measure_effort(*blobs(10, 8), targets=ALL)
    assert effort.gestures.tolist() == [1, 2]
    assert effort.correct.tolist() == [10, 18]
    assert effort.at == {0.5: 1, 1.0: 2}
    assert effort.kinds == {"disc": 2, "correction": 0, "click": 0, "accept": 0}


def test_a_stray_costs_a_click():
    xy, truth = blobs(10, 8)
    xy, truth = np.vstack([xy, [[1000, 0]]]), np.append(truth, 0)
    effort = measure_effort(xy, truth, targets=ALL)
    assert effort.kinds == {"disc": 2, "correction": 0, "click": 1, "accept": 0}
    assert effort.at[1.0] == 3


def test_a_wrong_one_inside_costs_a_correction():
    xy, truth = blobs(40, 30)
    xy[0], truth[0] = xy[:40].mean(axis=0), 1
    effort = measure_effort(xy, truth, targets=ALL)
    assert effort.gestures.tolist() == [2, 3]
    assert effort.correct.tolist() == [40, 70]
    assert effort.kinds["correction"] == 1


def test_two_items_are_not_worth_a_disc():
    effort = measure_effort(*blobs(2, 2), targets=ALL)
    assert effort.kinds == {"disc": 0, "correction": 0, "click": 4, "accept": 0}


def test_items_without_a_true_class_take_no_part():
    xy, truth = blobs(10, 8)
    xy, truth = np.vstack([xy, xy[:5]]), np.append(truth, [-1] * 5)
    effort = measure_effort(xy, truth, targets=ALL)
    assert effort.items == 18
    assert effort.at[1.0] == 2


def test_the_area_is_a_half_for_single_clicks_and_nearly_one_for_one_gesture():
    rng = np.random.default_rng(0)
    alone = measure_effort(rng.normal(size=(50, 2)), np.arange(50), targets=ALL)
    assert alone.area == pytest.approx(51 / 100)
    together = measure_effort(rng.normal(size=(50, 2)), np.zeros(50, int), targets=ALL)
    assert together.area == 1.0
    # after the gesture for the ten, each of the others is one click: (10 + 11 + 12 + 12 * 9) / 144
    xy, truth = blobs(10, 2)
    assert measure_effort(xy, truth, targets=ALL).area == pytest.approx((10 + 11 + 12 * 10) / 144)


def cross(wrong: int = 0, items: int = 60):
    """A round after which 60 scattered items of two classes are predicted, the least confident ones wrong."""
    truth = np.arange(items) % 2
    xy = np.column_stack([np.arange(items), np.zeros(items)]).astype(float)
    predictions, confidence = truth.copy(), np.linspace(0.99, 0.6, items)
    predictions[items - wrong :] = 1 - predictions[items - wrong :]
    asked: list[np.ndarray] = []

    def learn(labels, _):
        asked.append(labels.copy())
        return Learned(xy, predictions, confidence)

    return xy, truth, learn, asked


def test_predictions_are_accepted_in_one_gesture():
    xy, truth, learn, asked = cross()
    effort = measure_effort(xy, truth, learn=learn, every=4, targets=ALL)
    assert effort.kinds == {"disc": 0, "correction": 0, "click": 4, "accept": 1}
    assert effort.rounds == 1
    assert effort.at[1.0] == 5
    assert (asked[0] >= 0).sum() == 4
    assert (asked[0][asked[0] >= 0] == truth[asked[0] >= 0]).all()
    # after the round and before accepting, everything would have been right
    assert effort.adopted.tolist() == [1, 2, 3, 4, 60, 60]
    assert effort.at_adopting[1.0] == 5


def test_errors_among_the_accepted_cost_a_click_each_and_wrong_groups_are_refused():
    xy, truth, learn, _ = cross(wrong=2)
    effort = measure_effort(xy, truth, learn=learn, every=4, targets=(0.9,))
    # the group ends before the wrong ones, which are the least confident: more per gesture
    assert effort.kinds["correction"] == 0
    assert effort.kinds["accept"] == 1

    def worst_first(labels, gestures):
        learned = learn(labels, gestures)
        return Learned(learned.xy, learned.predictions, -learned.confidence)

    xy = np.column_stack([np.arange(60) % 3, np.zeros(60)]).astype(float)
    effort = measure_effort(xy, truth, learn=worst_first, every=4, targets=ALL)
    assert effort.kinds["accept"] >= 1
    assert effort.at[1.0] == sum(effort.kinds.values())

    def all_wrong(labels, _):
        return Learned(xy, 1 - truth, np.full(60, 0.9))

    assert measure_effort(xy, truth, learn=all_wrong, every=4).kinds["accept"] == 0


def test_an_accepted_error_is_put_right_by_one_click():
    truth = np.arange(40) % 2
    predictions = truth.copy()
    predictions[7] = 0
    xy = np.zeros((40, 2))

    def learn(labels, _):
        return Learned(xy, predictions, np.full(40, 0.9))

    # at one place and of one confidence: the group of a class is all or nothing, and so is everything
    effort = measure_effort(xy, truth, learn=learn, every=1, targets=(1.0,))
    assert effort.kinds == {"disc": 0, "correction": 1, "click": 1, "accept": 1}
    assert effort.at[1.0] == 3


@pytest.mark.parametrize(("wrong", "accepted"), [(19, 1), (21, 0)])
def test_a_group_is_accepted_where_it_labels_two_items_per_gesture(wrong, accepted):
    # at one place, of one prediction and one confidence: after one click the other 41 are one group or none
    truth = np.where(np.arange(42) < 42 - wrong, 0, 1)
    xy = np.zeros((42, 2))

    def learn(labels, _):
        return Learned(xy, np.zeros(42, np.int64), np.full(42, 0.9))

    effort = measure_effort(xy, truth, learn=learn, every=lambda gestures: gestures == 1, targets=(1.0,))
    assert effort.kinds["accept"] == accepted
    assert effort.at[1.0] == (2 + effort.kinds["correction"] if accepted else 42)


def test_none_of_these_is_not_accepted():
    xy, truth, _, _ = cross()

    def learn(labels, _):
        return Learned(xy, np.full(60, -1), np.full(60, 0.99))

    assert measure_effort(xy, truth, learn=learn, every=4, targets=ALL).kinds["accept"] == 0


def noisy(seed: int = 0, items: int = 300):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 5, items)
    return rng.normal(size=(items, 2)) + 3 * np.column_stack([np.cos(truth), np.sin(truth)]), truth


def nearest_mean(xy, truth):
    def learn(labels, _):
        known = np.unique(labels[labels >= 0])
        means = np.array([xy[labels == k].mean(axis=0) for k in known])
        away = np.linalg.norm(xy[:, None] - means, axis=2)
        return Learned(xy * 2, known[away.argmin(axis=1)], 1 / (1 + away.min(axis=1)))

    return learn


def test_the_curve_never_falls_and_the_sums_agree():
    xy, truth = noisy()
    effort = measure_effort(xy, truth, learn=nearest_mean(xy, truth), targets=ALL)
    assert (np.diff(effort.correct) >= 0).all()
    assert (np.diff(effort.gestures) >= 0).all()
    assert (effort.adopted >= effort.correct).all()
    assert effort.gestures[-1] == sum(effort.kinds.values())
    assert effort.correct[-1] == len(truth)


@pytest.mark.parametrize("learned", [False, True])
def test_the_same_again_and_in_any_order(learned):
    xy, truth = noisy()
    first = measure_effort(xy, truth, learn=nearest_mean(xy, truth) if learned else None, targets=ALL)
    order = np.random.default_rng(9).permutation(len(truth))
    shuffled, other = xy[order], truth[order]
    second = measure_effort(
        shuffled, other, learn=nearest_mean(shuffled, other) if learned else None, targets=ALL
    )
    assert first.gestures.tolist() == second.gestures.tolist()
    assert first.correct.tolist() == second.correct.tolist()
    assert first.kinds == second.kinds


def test_rounds_come_when_they_are_asked_for():
    xy, truth, learn, asked = cross()

    def seldom(gestures: int) -> bool:
        return gestures in {3, 10}

    refused = Learned(xy, np.full(60, -1), np.zeros(60))

    def useless(labels, gestures):
        learn(labels, gestures)
        return refused

    effort = measure_effort(xy, truth, learn=useless, every=seldom, targets=ALL)
    assert effort.rounds == 2
    assert [(labels >= 0).sum() for labels in asked] == [3, 10]


def test_a_round_hears_what_was_labelled_together_and_corrections_alone():
    xy, truth = blobs(40, 30)
    xy[0], truth[0] = xy[:40].mean(axis=0), 1
    heard = []

    def learn(labels, gestures):
        heard.append((labels.copy(), gestures.copy()))
        return Learned(xy, np.full(70, -1), np.zeros(70))

    measure_effort(xy, truth, learn=learn, every=1, targets=(1.0,))
    (first, by), (_, then) = heard
    assert (by >= 0).tolist() == (first >= 0).tolist() == [True] * 40 + [False] * 30
    assert by[0] == 1  # corrected
    assert set(by[1:40]) == {0}
    assert set(then[40:]) == {2}


def test_most_ends_the_session():
    effort = measure_effort(*noisy(), targets=ALL, most=7)
    assert effort.gestures[-1] >= 7
    assert effort.gestures[-2] < 7
    assert effort.at[1.0] is None


def test_refusals_name_what_came():
    xy, truth = blobs(10, 8)
    with pytest.raises(EffortError, match=r"shape \(18, 2\) and truth of shape \(5,\)"):
        measure_effort(xy, truth[:5])
    with pytest.raises(EffortError, match=r"purity=0\.4"):
        measure_effort(xy, truth, purity=0.4)
    with pytest.raises(EffortError, match="every=0"):
        measure_effort(xy, truth, every=0)
    with pytest.raises(EffortError, match="targets"):
        measure_effort(xy, truth, targets=(1.5,))
    with pytest.raises(EffortError, match="not finite"):
        measure_effort(np.full_like(xy, np.nan), truth)
    with pytest.raises(EffortError, match="no item"):
        measure_effort(xy, np.full(18, -1))
    with pytest.raises(EffortError, match=r"from learn\(\)"):
        measure_effort(
            xy, truth, learn=lambda labels, gestures: Learned(xy[:3], truth, truth.astype(float)), every=1
        )
