"""What is kept aside while training, so that its result can be judged: classes, or items of each."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.training.checked import Labels, TrainingError
from shoal.types import UNLABELLED


@dataclass(frozen=True, slots=True)
class Split:
    """Positions (N,) int64 of the labelled items that train and of those kept aside."""

    training: NDArray[np.int64]
    held: NDArray[np.int64]


def split(labels: Labels, hold_out: str | None, share: float, seed: int) -> Split:
    """Return which labelled items train and which are kept aside, by `hold_out` of a `Plan`."""
    if hold_out is None:
        return Split(np.flatnonzero(labels != UNLABELLED), np.zeros(0, np.int64))
    parts = hold_out_classes if hold_out == "classes" else hold_out_items
    return parts(labels, share, seed)


def hold_out_classes(labels: Labels, share: float, seed: int) -> Split:
    """Keep a share of the classes aside, two or more, each with two items or more; two or more must train.

    One of those that train has two items too: from items alone in their classes no loss over pairs learns.
    Raises `TrainingError` where there are too few classes for both.
    """
    classes, counts = np.unique(labels[labels != UNLABELLED], return_counts=True)
    judged = np.random.default_rng(seed).permutation(classes[counts > 1])
    number = min(max(2, math.floor(share * len(classes))), len(classes) - 2, len(judged) - 1)
    if number < 2:
        raise TrainingError(
            f"holding classes out takes four classes or more, three of them with two items; there are "
            f"{len(classes)} classes, {len(judged)} with two items. Choose hold_out='items' or None."
        )
    aside = np.isin(labels, judged[:number])
    return Split(np.flatnonzero(~aside & (labels != UNLABELLED)), np.flatnonzero(aside))


def hold_out_items(labels: Labels, share: float, seed: int) -> Split:
    """Keep a share of every class's items aside, at least one of a class of two; single items all train.

    Raises `TrainingError` where no class has two items.
    """
    random = np.random.default_rng(seed)
    held = [
        _some(np.flatnonzero(labels == k), share, random) for k in np.unique(labels[labels != UNLABELLED])
    ]
    aside = np.sort(np.concatenate(held))
    if not len(aside):
        raise TrainingError(
            "holding items out takes a class with two items or more, and there is none. Choose hold_out=None."
        )
    known = np.flatnonzero(labels != UNLABELLED)
    return Split(np.setdiff1d(known, aside), aside)


def _some(members: NDArray[np.int64], share: float, random: np.random.Generator) -> NDArray[np.int64]:
    number = min(max(1, round(share * len(members))), len(members) - 1)
    chosen: NDArray[np.int64] = random.permutation(members)[:number]
    return chosen
