"""Calibration: known temperatures and errors, an overconfident case, few labels; and none of these."""

import numpy as np
import pytest

from shoal.training import (
    Rejector,
    TrainingError,
    expected_calibration_error,
    fit_platt,
    fit_temperature,
    reliability_curve,
    softmax,
)


def drawn(items: int, temperature: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are `temperature` times too large for the labels drawn from them."""
    random = np.random.default_rng(seed)
    honest = 2 * random.normal(size=(items, 5))
    shares = softmax(honest).astype(np.float64).cumsum(axis=1)
    labels = (random.uniform(size=(items, 1)) > shares[:, :-1]).sum(axis=1)
    return temperature * honest, labels


def test_softmax_by_hand():
    assert softmax(np.array([[0.0, np.log(3)]])) == pytest.approx(np.array([[0.25, 0.75]]))
    assert softmax(np.array([[0.0, 2 * np.log(3)]]), 2.0) == pytest.approx(np.array([[0.25, 0.75]]))
    assert np.isfinite(softmax(np.array([[1e6, -1e6]]))).all()


def test_two_logits_with_a_known_best_temperature():
    """Three of four are right at a gap of g: softmax must say 3/4, so that g / T = log 3."""
    logits = np.tile([[2.0, 0.0]], (4, 1))
    found = fit_temperature(logits, [0, 0, 0, 1], smooth=False)
    assert found == pytest.approx(2.0 / np.log(3), rel=1e-4)
    # Platt's target for four items: 3/4 * 5/6 + 1/4 * 1/6 = 2/3
    assert fit_temperature(logits, [0, 0, 0, 1]) == pytest.approx(2.0 / np.log(2), rel=1e-4)


@pytest.mark.parametrize("temperature", [0.25, 1.0, 4.0])
def test_the_temperature_that_was_put_in_comes_out(temperature):
    logits, labels = drawn(20_000, temperature)
    assert fit_temperature(logits, labels) == pytest.approx(temperature, rel=0.03)


def test_a_few_dozen_that_are_all_right_do_not_make_it_certain():
    logits = 10 * np.eye(3)[np.arange(30) % 3]
    labels = np.arange(30) % 3
    sure = softmax(logits, fit_temperature(logits, labels)).max(axis=1)
    assert sure == pytest.approx(31 / 32, abs=1e-3)
    assert fit_temperature(logits, labels, smooth=False) < 1


def test_unlabelled_and_unfinished_rows_take_no_part():
    logits, labels = drawn(500, 3.0)
    more = np.concatenate([logits, np.full((2, 5), np.nan), 9 * np.ones((1, 5))])
    assert fit_temperature(more, [*labels, 0, 1, -1]) == fit_temperature(logits, labels)


def test_calibration_lowers_the_error_of_an_overconfident_case():
    logits, labels = drawn(4000, 5.0)
    found = fit_temperature(logits[:100], labels[:100])
    before, after = softmax(logits[100:]), softmax(logits[100:], found)
    right = before.argmax(axis=1) == labels[100:]
    error = expected_calibration_error(before.max(axis=1), right)
    assert error > 0.15
    assert expected_calibration_error(after.max(axis=1), right) < error / 3


def test_platt_lowers_it_too_and_knows_its_values():
    logits, labels = drawn(4000, 5.0)
    sure, right = softmax(logits).max(axis=1), softmax(logits).argmax(axis=1) == labels
    better = fit_platt(sure[:1000], right[:1000]).confidence(sure[1000:])
    error = expected_calibration_error(sure[1000:], right[1000:])
    assert expected_calibration_error(better, right[1000:]) < error / 4
    # one confidence only: the target's mean is (3 * 4/5 + 1 * 1/3) / 4
    constant = fit_platt(np.full(4, 0.9), [True, True, True, False])
    assert constant.confidence([0.9])[0] == pytest.approx((3 * 4 / 5 + 1 / 3) / 4, abs=1e-3)


def test_calibration_error_by_hand():
    sure, right = [0.95, 0.85, 0.92, 0.15], [True, False, True, False]
    # bins of a tenth: (0.9, 1]: mean 0.935, accuracy 1; (0.8, 0.9]: 0.85, 0; (0.1, 0.2]: 0.15, 0
    assert expected_calibration_error(sure, right, bins=10) == pytest.approx((2 * 0.065 + 0.85 + 0.15) / 4)
    curve = reliability_curve(sure, right, bins=10)
    assert curve.counts.tolist() == [1, 1, 2]
    assert curve.accuracy.tolist() == [0, 0, 1]
    assert curve.confidence == pytest.approx([0.15, 0.85, 0.935])
    halves = reliability_curve(sure, right, bins=2, equal_mass=True)
    assert halves.counts.tolist() == [2, 2]
    assert halves.confidence == pytest.approx([0.5, 0.935])
    assert expected_calibration_error([0.0, 1.0], [False, True]) == 0
    # a bin holds its upper end
    assert reliability_curve([0.5, 0.500001], [True, True], bins=2).counts.tolist() == [1, 1]


def test_what_calibration_refuses():
    for call, message in [
        (lambda: fit_temperature(np.zeros((2, 3)), [-1, -1]), "no labelled item"),
        (lambda: fit_temperature(np.zeros((2, 1)), [0, 0]), "two classes"),
        (lambda: fit_temperature(np.zeros((2, 3)), [0, 3]), "label 3 for 3 columns"),
        (lambda: reliability_curve([0.5], [True, False]), "one of each"),
        (lambda: reliability_curve([1.5], [True]), "outside"),
        (lambda: reliability_curve([0.5], [True], bins=0), "bins=0"),
        (lambda: expected_calibration_error([], []), "one of each"),
    ]:
        with pytest.raises(TrainingError, match=message):
            call()


def cloud(items: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    y = np.arange(items) % classes
    means = np.random.default_rng(7).normal(size=(classes, 24))
    return (means[y] + 0.4 * random.normal(size=(items, 24))).astype(np.float16), y


def test_strangers_are_rejected_and_about_the_asked_share_of_the_known():
    x, y = cloud(300, 12, 0)
    rejector = Rejector.fit(x[y < 8], y[y < 8])
    fresh, truth = cloud(3000, 12, 1)
    rejected = rejector.rejects(fresh, 0.1)
    assert rejected[truth >= 8].mean() > 0.95
    assert 0.03 < rejected[truth < 8].mean() < 0.17
    nearest = rejector.nearest(fresh)[1]
    assert (nearest == truth)[truth < 8].mean() > 0.98
    assert rejector.belonging(fresh).min() > 0


def test_distances_are_those_of_a_double_loop():
    x, y = cloud(40, 4, 3)
    y = y.copy()
    y[0] = 9
    rejector = Rejector.fit(x, y, unit=False)
    rows, wanted = x.astype(np.float64), []
    for i in range(1, len(x)):
        means = [rows[[j for j in range(len(x)) if y[j] == k and j != i]].mean(axis=0) for k in np.unique(y)]
        wanted.append(min(np.linalg.norm(rows[i] - mean) for mean in means))
    assert rejector.distances == pytest.approx(sorted(wanted), rel=1e-4)


def test_with_too_few_held_out_items_nothing_is_rejected():
    x, y = cloud(10, 5, 0)
    rejector = Rejector.fit(x, y)
    assert not rejector.rejects(100 * np.ones((3, 24), np.float32), 0.05).any()
    assert rejector.rejects(np.ones((3, 24), np.float32), 0.2).all()


def test_what_the_rejector_refuses():
    x, y = cloud(10, 5, 0)
    with pytest.raises(TrainingError, match="one item a class"):
        Rejector.fit(x[:5], y[:5])
    with pytest.raises(TrainingError, match="one class only"):
        Rejector.fit(x, 0 * y)
    with pytest.raises(TrainingError, match="24 wide"):
        Rejector.fit(x, y).nearest(x[:, :3])
