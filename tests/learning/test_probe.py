"""The closed forms of a round against plain loops and known values."""

import numpy as np
import pytest

from shoal.learning.confidence import fitted_temperature, probabilities
from shoal.learning.probe import Probe


def _groups(items=60, classes=4, width=6, spread=0.8):
    random = np.random.default_rng(0)
    labels = np.sort(random.integers(0, classes, items)) * 3
    middles = random.standard_normal((classes, width)) * 2
    noise = random.standard_normal((items, width))
    return (middles[labels // 3] + spread * noise).astype(np.float32), labels.astype(np.int64)


def test_held_out_scores_equal_those_of_a_probe_fitted_without_the_item():
    inputs, labels = _groups()
    probe, held = Probe.fit(inputs, labels)
    share = 1 / np.bincount(labels)[labels] / len(probe.classes)
    targets = (labels[:, None] == probe.classes).astype(float)
    middle = share @ inputs
    covariance = ((inputs - middle) * share[:, None]).T @ (inputs - middle)
    ridge = 0.3 * np.trace(covariance) / len(covariance)
    for item in range(0, len(labels), 7):
        rest = np.arange(len(labels)) != item
        ones = np.column_stack([inputs[rest], np.ones(rest.sum())]).astype(float)
        penalty = ridge * np.diag([1.0] * inputs.shape[1] + [0.0])
        weighted = ones * share[rest, None]
        solved = np.linalg.solve(weighted.T @ ones + penalty, weighted.T @ targets[rest])
        np.testing.assert_allclose(held[item], np.append(inputs[item], 1.0) @ solved, atol=1e-4)


def test_none_of_these_scores_nothing_and_is_no_class():
    inputs, labels = _groups(spread=0.2)
    answered = np.where(labels == 9, -2, labels)
    probe, held = Probe.fit(inputs, answered)
    assert probe.classes.tolist() == [0, 3, 6]
    assert held.shape == (len(labels), 3)
    four, held_of_four = Probe.fit(inputs, labels)
    np.testing.assert_allclose(probe.weights, four.weights[:, :3], rtol=1e-5)
    np.testing.assert_allclose(held, held_of_four[:, :3], rtol=1e-4, atol=1e-5)
    assert held[labels == 9].max() < 0.5 < np.median(held[labels != 9].max(axis=1))


def test_classes_count_equally_whatever_their_size():
    inputs, labels = _groups(spread=0.1)
    probe, _ = Probe.fit(inputs, labels)
    many = np.concatenate([np.arange(len(labels)), np.repeat(np.flatnonzero(labels == 3), 20)])
    again, _ = Probe.fit(inputs[many], labels[many])
    np.testing.assert_allclose(probe.scores(inputs), again.scores(inputs), atol=1e-2)


def test_a_class_of_one_item_is_possible():
    inputs, labels = _groups()
    labels[0] = 99
    probe, held = Probe.fit(inputs, labels)
    assert probe.classes.tolist() == [0, 3, 6, 9, 99]
    assert np.isfinite(held).all()


def test_temperature_undoes_overconfidence():
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 4000)
    scores = 2.0 * np.eye(3)[truth] + random.gumbel(size=(4000, 3))
    places = scores.argmax(axis=1)
    honest = np.log(np.ones((4000, 3)) / 3) * 0 + 2.0 * np.eye(3)[truth]
    heat = fitted_temperature((honest / 10).astype(np.float32), places)
    assert heat == pytest.approx(0.1, rel=0.15)


def test_probabilities_sum_to_one_at_any_heat():
    scores = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
    for heat in (0.01, 1.0, 100.0):
        np.testing.assert_allclose(probabilities(scores, heat).sum(axis=1), 1, rtol=1e-5)
