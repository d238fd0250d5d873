"""Confidence where labels are no fair sample of what is left."""

import numpy as np

from shoal.learning.confidence import BINS, BORROWED, EVEN, fairness, typicality


def test_typicality_is_the_share_of_held_out_scores_that_are_no_higher():
    held = np.array([[0.2, 0], [0.4, 0], [0.6, 0], [0, 0.9]], np.float32)
    places = np.array([0, 0, 0, 1])
    scores = np.array([[0.5, 0.1], [0.1, 0.95], [0.1, 0.05]], np.float32)
    among_all = np.array([2, 4, 0]) / 5
    by_hand = (np.array([2, 1, 0]) + BORROWED * among_all) / (np.array([3, 1, 3]) + BORROWED)
    np.testing.assert_allclose(typicality(scores, held, places), by_hand)


def test_a_fair_sample_keeps_its_confidence():
    factors = fairness((np.arange(2000) + 0.5) / 2000)
    np.testing.assert_array_equal(factors, np.ones(2000, np.float32))


def test_strangers_among_the_low_ones_are_told_by_how_crowded_it_is():
    fair = (np.arange(1000) + 0.5) / 1000
    strangers = np.full(450, 0.5 / BINS)
    factors = fairness(np.concatenate([fair, strangers]))
    expected = (1000 / BINS + EVEN) / (1000 / BINS + 450 + EVEN)
    np.testing.assert_allclose(factors[1000:], expected, rtol=1e-6)
    assert factors[:1000][fair > 1 / BINS].min() == 1


def test_chance_among_few_does_not_pass_for_strangers():
    few = np.random.default_rng(0).random((20, 40))
    assert np.mean([fairness(usual).mean() for usual in few]) > 0.9


def test_nothing_left_is_no_error():
    assert fairness(np.empty(0)).shape == (0,)
