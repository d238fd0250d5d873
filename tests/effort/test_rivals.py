"""Labelling without a map: counted by hand on few items."""

import numpy as np
import pytest

from shoal.effort import linear_probe, measure_clicks, most_uncertain, one_at_a_time


def in_order(labels, confidence, count):
    return np.flatnonzero(labels < 0)[:count]


def test_one_at_a_time_is_a_click_an_item():
    effort = one_at_a_time(200)
    assert effort.at == {0.5: 100, 0.8: 160, 0.95: 190}
    assert effort.area == pytest.approx(201 / 400)


TRUTH = np.array([0] * 30 + [1] * 10)


def all_zero(labels):
    return np.zeros(40, int), np.linspace(0.9, 0.5, 40)


def test_predictions_left_in_count_where_they_are_right():
    effort = measure_clicks(TRUTH, all_zero, in_order, every=5, targets=(0.5, 1.0))
    # after five clicks 25 more would be right: 30 of 40; the ten others are wrong until they are clicked
    assert effort.adopted[5] == 30
    assert effort.at_adopting[0.5] == 6
    assert effort.at_adopting[1.0] == 40
    assert effort.kinds == {"disc": 0, "correction": 0, "click": 40, "accept": 0}


def test_the_same_with_acceptance():
    effort = measure_clicks(TRUTH, all_zero, in_order, every=5, accept=True, targets=(0.5, 1.0))
    # five clicks, one acceptance of the 25 confident ones, ten clicks
    assert effort.at == {0.5: 6, 1.0: 16}
    assert effort.kinds == {"disc": 0, "correction": 0, "click": 15, "accept": 1}


def test_fits_grow_rarer():
    effort = measure_clicks(
        np.arange(100), lambda labels: (np.full(100, -1), np.zeros(100)), in_order, growth=1.0
    )
    # after 5, 10, 20, 40, 80 clicks, and at the end
    assert effort.rounds == 6


def test_uncertain_first_and_equals_by_chance():
    choose = most_uncertain(seed=1)
    labels = np.array([-1, 0, -1, -1])
    assert choose(labels, np.array([0.9, 0.0, 0.2, 0.5]), 2).tolist() == [2, 3]
    equal = np.zeros(50)
    first = choose(np.full(50, -1), equal, 50)
    assert first.tolist() != sorted(first.tolist())
    assert first.tolist() == choose(np.full(50, -1), equal, 50).tolist()


def test_the_probe_learns_blobs():
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], 50)
    vectors = rng.normal(size=(150, 8)) + 6 * np.eye(8)[truth]
    probe = linear_probe(vectors)
    labels = np.full(150, -1)
    labels[0] = 0
    assert probe(labels)[1].max() == 0
    labels[[50, 100]] = [1, 2]
    predictions, confidence = probe(labels)
    assert (predictions == truth).mean() > 0.98
    assert confidence.min() > 1 / 3
    effort = measure_clicks(truth, probe, most_uncertain(), targets=(0.95,))
    assert effort.at_adopting[0.95] < 30
