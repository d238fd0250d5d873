"""Temperatures from few labels."""

import numpy as np

from shoal.learning.confidence import fitted_temperature, probabilities


def test_a_few_right_answers_are_no_certainty():
    for count in (2, 30, 1000):
        places = np.arange(count) % 2
        held = np.where(np.arange(2) == places[:, None], 0.9, 0.1).astype(np.float32)
        sure = probabilities(held, fitted_temperature(held, places)).max(axis=1)
        expected = (count + 1) / (count + 2)
        assert abs(np.log(1 / sure[0] - 1) - np.log(1 / expected - 1)) < 0.3


def test_answers_that_say_nothing_are_believed_as_little_as_can_be():
    random = np.random.default_rng(0)
    held = random.standard_normal((500, 4)).astype(np.float32)
    places = random.integers(0, 4, 500)
    hottest = probabilities(held, 1.0)
    assert np.array_equal(probabilities(held, fitted_temperature(held, places)), hottest)
