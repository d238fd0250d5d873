"""Which classes train, tune and test: no label of a test class is ever in reach of what chooses a setting."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ClassSplit:
    """Numbers of classes: those that train, those of `seen` held out while tuning, those that are tested."""

    seen: Labels
    tuning: Labels
    unseen: Labels


@dataclass(frozen=True, slots=True)
class Known:
    """All that training and tuning get to see: vectors (N, D) and labels (N,) of the seen classes alone.

    `tuning` are the classes held out while settings are chosen. There is no test item in it, by construction.
    """

    vectors: NDArray[np.float32]
    labels: Labels
    tuning: Labels


def halves(classes: int, seed: int, *, tuning: float = 0.2) -> ClassSplit:
    """Return half of the classes seen and half unseen, by a permutation of `numpy.random.default_rng(seed)`.

    A share `tuning` of the seen ones, the last of them, is held out while settings are chosen.
    """
    order = np.random.default_rng(seed).permutation(classes).astype(np.int64)
    return _split(order[: classes // 2], order[classes // 2 :], tuning)


def whole_groups(groups: Labels, seed: int, *, unseen: int, tuning: float = 0.2) -> ClassSplit:
    """Return a split in which groups (K,) of classes stay whole: the group `unseen` and half of the others.

    The hard case: unseen classes resemble each other, and nothing like them was seen.
    """
    others = np.setdiff1d(np.unique(groups), [unseen])
    order = np.random.default_rng(seed).permutation(others)
    number = len(np.unique(groups)) // 2
    away = np.concatenate([[unseen], order[: number - 1]])
    random = np.random.default_rng((seed, 1))
    seen = random.permutation(np.flatnonzero(~np.isin(groups, away)))
    return _split(seen, np.flatnonzero(np.isin(groups, away)), tuning)


def known_part(vectors: NDArray[np.floating], labels: Labels, split: ClassSplit) -> Known:
    """Return what training may see of the training vectors (N, D) with labels (N,): the seen classes."""
    rows = np.isin(labels, split.seen)
    return Known(vectors[rows].astype(np.float32), labels[rows], split.tuning)


def _split(seen: Labels, unseen: Labels, tuning: float) -> ClassSplit:
    held = max(2, round(tuning * len(seen)))
    return ClassSplit(np.sort(seen), np.sort(seen[-held:]), np.sort(unseen))
