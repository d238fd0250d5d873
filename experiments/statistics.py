"""Intervals and paired tests: no number leaves an experiment without one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

CONFIDENCE = 0.95
RESAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and where it may lie at 95 %; `low` and `high` are NaN where one value alone tells nothing."""

    mean: float
    low: float
    high: float
    count: int

    @property
    def half(self) -> float:
        """Half the width, the +- of a symmetric interval."""
        return (self.high - self.low) / 2

    def holds(self, value: float) -> bool:
        """Return whether the value lies inside."""
        return self.low <= value <= self.high


def t_interval(values: ArrayLike) -> Interval:
    """Return the mean of values (N,) with Student's t interval: for a few seeds."""
    from scipy.stats import t

    sample = np.asarray(values, dtype=np.float64)
    mean, count = float(sample.mean()), len(sample)
    if count < 2:
        return Interval(mean, np.nan, np.nan, count)
    half = float(t.ppf((1 + CONFIDENCE) / 2, count - 1) * sample.std(ddof=1) / np.sqrt(count))
    return Interval(mean, mean - half, mean + half, count)


def bootstrap(values: ArrayLike, *, groups: ArrayLike | None = None, seed: int = 0) -> Interval:
    """Return the mean of values (N,) with the percentile bootstrap interval, for many cases.

    `groups` (N,): values of one group are drawn together, since they are not independent of each other.
    """
    sample = np.asarray(values, dtype=np.float64)
    whole = (
        np.arange(len(sample)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    )
    sums = np.bincount(whole, weights=sample)
    counts = np.bincount(whole).astype(np.float64)
    drawn = np.random.default_rng(seed).integers(len(sums), size=(RESAMPLES, len(sums)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(float(sample.mean()), float(low), float(high), len(sums))


@dataclass(frozen=True, slots=True)
class Paired:
    """The mean difference of paired values with its interval, and the p of the two-sided paired t-test."""

    difference: Interval
    p: float


def paired_t(ours: ArrayLike, theirs: ArrayLike) -> Paired:
    """Compare ours (N,) with theirs (N,), pair by pair; p is 1 where every difference is 0.

    Raises `ValueError` where they are not as many.
    """
    from scipy.stats import ttest_rel

    a, b = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    if len(a) != len(b):
        raise ValueError(f"paired_t() got {len(a)} values and {len(b)}; they come in pairs.")
    difference = t_interval(a - b)
    if len(a) < 2:
        return Paired(difference, float("nan"))
    p = float(ttest_rel(a, b).pvalue) if np.ptp(a - b) > 0 else float(a[0] == b[0])
    return Paired(difference, p)


def holm(ps: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number (Holm 1979, Scand. J. Statist. 6), in the order given."""
    order = np.argsort(ps)
    adjusted: NDArray[np.float64] = np.empty(len(ps))
    running = 0.0
    for rank, which in enumerate(order):
        running = max(running, min(1.0, (len(ps) - rank) * ps[which]))
        adjusted[which] = running
    return [float(p) for p in adjusted]
