"""Regions that no label reaches: groups of items far from every labelled one."""

import numpy as np
from numpy.typing import NDArray

from shoal.suggestions.groups import FEWEST, Group, group_of, how_many, parts
from shoal.suggestions.space import Floats, Ints, checked, clusters, nearest, space
from shoal.types import UNLABELLED

MOST_LABELLED = 5_000
"""Of more labelled items so many are drawn at random to measure distances to."""
USUAL = 0.95
"""As far as this share of labelled items are from others of their class is usual, farther is novel."""
FARTHER = 1.2
"""So many times the usual distance makes an item novel."""
FEW = 20
"""With fewer labelled items the usual distance is taken from all items and their neighbours."""


def novelties(
    vectors: NDArray[np.floating], labels: NDArray[np.integer], *, count: int = 20, seed: int = 0
) -> list[Group]:
    """Return up to `count` groups of unlabelled items far from every labelled one, the most striking first.

    vectors is (N, D), labels (N,) int with -1 where there is none. An item is novel when it is a
    fifth farther from its nearest labelled item than 95 % of labelled items are from the nearest other of
    their own class; the score of a group is its size times how much farther, in units of that. Nothing is
    novel before anything is labelled. Raises `SuggestionError` where the arrays do not fit together.
    """
    labels = checked("novelties", vectors, labels)
    known, left = np.flatnonzero(labels != UNLABELLED), np.flatnonzero(labels == UNLABELLED)
    if not len(known) or not len(left):
        return []
    rows = space(vectors, seed=seed)
    known = np.sort(np.random.default_rng(seed).permutation(known)[:MOST_LABELLED])
    usual = _usual(rows, known, labels[known])
    away = nearest(rows[known], rows[left], 1)[0][:, 0] / max(usual, 1e-12)
    novel, excess = left[away > FARTHER], away[away > FARTHER] - 1
    if len(novel) < FEWEST:
        return []
    of, centres = clusters(rows[novel], how_many(len(novel), count), seed=seed)
    groups = []
    for part in parts(of, len(centres)):
        if len(part) >= FEWEST:
            farther = float(np.median(excess[part]))
            reason = f"{len(part):,} items, {1 + farther:.1f} times as far from any label as is usual"
            groups.append(group_of(rows, novel[part], len(part) * farther, reason))
    return sorted(groups, key=lambda group: -group.score)[:count]


def _usual(rows: Floats, known: Ints, classes: Ints) -> float:
    """Return the distance within which 95 % of the labelled have another of their class."""
    away, which = nearest(rows[known], rows[known], 11)
    same = (classes[which] == classes[:, None]) & (which != np.arange(len(known))[:, None]) & (which >= 0)
    own = np.where(same, away, np.inf).min(axis=1)
    own = own[np.isfinite(own)]
    if len(own) >= FEW:
        return float(np.quantile(own, USUAL))
    drawn = rows[:: max(len(rows) // 2000, 1)]
    return float(np.quantile(nearest(rows, drawn, 11)[0][:, -1], USUAL))
