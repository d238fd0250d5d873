"""One class, and items that were said to be none of it: the only question is which of the two an item is."""

import numpy as np

from shoal.learning.checked import Floats
from shoal.learning.novelty import Steps

REACH, STEPS = 6.0, 96
"""The curve is cut into so many steps, between these log-odds and their negative."""


def two_columns(scores: Floats) -> Floats:
    """Return scores (N, 1) of the class beside what a probe would score "none of these" as a class (N, 2).

    Ridge regression on two one-hot classes gives scores that sum to one.
    """
    return np.concatenate([scores, 1 - scores], axis=1)


def class_curve(temperature: float) -> Steps:
    """Return the probability of the class by its score, at the temperature fitted on `two_columns`.

    It is the softmax of the two columns, 1 / (1 + exp((1 - 2 score) / temperature)), as steps: the form in
    which a model carries how likely an item's class has a name. Class and none weigh the same, however many
    items of each were labelled.
    """
    odds = np.linspace(-REACH, REACH, STEPS + 1)
    middles = np.concatenate([[-REACH], (odds[1:] + odds[:-1]) / 2, [REACH]])
    edges = 0.5 + odds * temperature / 2
    return Steps(edges.astype(np.float32), (1 / (1 + np.exp(-middles))).astype(np.float32))
