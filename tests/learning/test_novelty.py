"""None of these: by how much an item and its surroundings fit."""

import numpy as np
import pytest

from shoal.learning.novelty import FAR, SPARED, belonging, fit_of, least_fit


def test_belonging_rises_from_the_least_fit_to_the_usual_one():
    fits = np.array([1.0, 1.0, 3.0, 0.2, FAR, (1 + FAR) / 2, 1.5], np.float32)
    labels = np.array([0, 1, 0, -1, -1, -1, -1])
    assert least_fit(fits, labels) == np.float32(FAR)
    np.testing.assert_allclose(belonging(fits, labels, FAR), [1, 1, 1, 0, 0, 0.5, 1], atol=1e-6)


def test_belonging_is_all_or_nothing_where_nothing_fits():
    fits = np.array([0, 0, 1], np.float32)
    np.testing.assert_array_equal(belonging(fits, np.array([0, 1, -1]), 0.0), [0, 0, 1])


def test_answers_raise_the_least_fit_but_spare_the_labelled():
    labels = np.repeat([0, -2], [101, 10])
    fits = np.concatenate([np.linspace(0.9, 1.1, 101), np.full(10, 0.7)]).astype(np.float32)
    assert least_fit(fits, labels) == pytest.approx(0.85)
    fits[labels == -2] = 0.99
    assert least_fit(fits, labels) == pytest.approx(0.9 + 0.2 * SPARED)
    fits[labels == -2] = 0.0
    assert least_fit(fits, labels) == pytest.approx(FAR)


def test_an_item_fits_as_its_surroundings_do():
    best = np.array([1, 0, 0, 0], np.float32)
    neighbours = np.array([[1, 2], [0, 2], [0, 1], [1, 2]])
    once = np.array([1, 1, 1, 0]) / 3
    by_hand = [(once[k] + once[neighbours[k]].sum()) / 3 for k in range(4)]
    np.testing.assert_allclose(fit_of(best, neighbours), by_hand, rtol=1e-6)
