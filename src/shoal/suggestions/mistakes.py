"""Labels that look wrong: their neighbours, or a model that has not seen them, say something else."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.suggestions.space import Floats, Ints, SuggestionError, checked, nearest, space
from shoal.types import UNLABELLED


@dataclass(frozen=True, slots=True)
class Suspects:
    """Labelled items that may be wrong, the most suspicious first: row numbers `ids` (S,).

    `likelier` (S,) is the class that speaks against the label, `score` (S,) how much, in (0, 1].
    """

    ids: Ints
    likelier: Ints
    score: Floats


def suspected_mistakes(
    vectors: NDArray[np.floating],
    labels: NDArray[np.integer],
    *,
    predictions: NDArray[np.integer] | None = None,
    confidence: NDArray[np.floating] | None = None,
    neighbours: int = 10,
    count: int = 100,
    seed: int = 0,
) -> Suspects:
    """Return up to `count` labelled items whose label looks wrong.

    vectors is (N, D), labels (N,) int with -1 where there is none. Each labelled item asks its nearest
    labelled neighbours; the suspicion is the share of the commonest other class less that of its own. Where
    out-of-fold `predictions` (N,) and their `confidence` (N,) are given (of a model that was not trained on
    the item's label), the suspicion is the mean of that and of the prediction's confidence, positive where
    the prediction is another class, negative where it agrees.
    Raises `SuggestionError` where the arrays do not fit together.
    """
    labels = checked("suspected_mistakes", vectors, labels, predictions, confidence)
    if (predictions is None) != (confidence is None):
        raise SuggestionError("suspected_mistakes() takes predictions and confidence together, or neither.")
    known = np.flatnonzero(labels != UNLABELLED)
    if len(known) < 2:
        return Suspects(known[:0], known[:0], np.zeros(0, np.float32))
    names, classes = np.unique(labels[known], return_inverse=True)
    likelier, score = _neighbours_say(space(vectors, seed=seed)[known], classes, neighbours)
    likelier = names[likelier]
    if predictions is not None and confidence is not None:
        said, sure = np.asarray(predictions)[known], np.asarray(confidence, np.float32)[known]
        against = (said != labels[known]) & (said != UNLABELLED)
        likelier = np.where(against & (sure >= score), said, likelier)
        agrees = np.where(said == UNLABELLED, 0, -sure)
        score = np.asarray((score + np.where(against, sure, agrees)) / 2, np.float32)
    order = np.argsort(-score, kind="stable")
    order = order[(score[order] > 0) & (likelier[order] != labels[known[order]])][:count]
    return Suspects(known[order], likelier[order].astype(np.int64), score[order])


def _neighbours_say(rows: Floats, classes: Ints, neighbours: int) -> tuple[Ints, Floats]:
    """Return the commonest other class among each row's neighbours, and how far it leads the own one."""
    _, which = nearest(rows, rows, neighbours + 1)
    valid = (which >= 0) & (which != np.arange(len(rows))[:, None])
    said = classes[which]
    voters = np.maximum(valid.sum(axis=1), 1)
    own = (valid & (said == classes[:, None])).sum(axis=1)
    agreeing = ((said[:, :, None] == said[:, None, :]) & valid[:, None, :]).sum(axis=2)
    others = np.where(valid & (said != classes[:, None]), agreeing, 0)
    # argmax takes the first of equals, which is the nearest neighbour's class
    winner = others.argmax(axis=1)[:, None]
    lead = np.take_along_axis(others, winner, axis=1)[:, 0] - own
    return np.take_along_axis(said, winner, axis=1)[:, 0], np.asarray(lead / voters, np.float32)
