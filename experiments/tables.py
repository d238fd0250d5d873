"""Markdown tables and how numbers are written in them."""

from collections.abc import Iterable, Sequence

import numpy as np

from experiments.statistics import Interval, Paired, holm


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; the first column is text, the others stand right."""
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    lines += ["| " + " | ".join(cells) + " |" for cells in rows]
    return "\n".join(lines)


def plus_minus(interval: Interval, digits: int = 3, *, percent: bool = False) -> str:
    """Write a symmetric interval as `mean ± half`; a lone value says that it is one."""
    scale = 100 if percent else 1
    mean = f"{interval.mean * scale:.{digits}f}"
    return f"{mean} (one)" if np.isnan(interval.low) else f"{mean} ± {interval.half * scale:.{digits}f}"


def between(interval: Interval, digits: int = 3, *, percent: bool = False) -> str:
    """Write an interval that need not be symmetric as `mean (low to high)`."""
    scale = 100 if percent else 1
    mean, low, high = (
        f"{value * scale:.{digits}f}" for value in (interval.mean, interval.low, interval.high)
    )
    return f"{mean} (one)" if np.isnan(interval.low) else f"{mean} ({low} to {high})"


def adjusted(tests: Sequence[Paired], digits: int | Sequence[int] = 3, *, percent: bool = False) -> list[str]:
    """Write paired differences of one family with p and Holm's adjusted p, in bold where that is below 0.05.

    `digits`: after the point, the same for all or one for each.
    """
    after = holm([1.0 if np.isnan(test.p) else test.p for test in tests])
    each = [digits] * len(tests) if isinstance(digits, int) else digits
    texts = [signed(test, d, percent=percent).strip("*") for test, d in zip(tests, each, strict=True)]
    return [
        text
        if text.endswith("(one)")
        else f"**{text}** (Holm {p:.2g})"
        if p < 0.05
        else f"{text} (Holm {p:.2g})"
        for text, p in zip(texts, after, strict=True)
    ]


def adjusted_table(
    tests: Sequence[Sequence[Paired]], digits: Sequence[int], *, percent: bool = False
) -> list[list[str]]:
    """Write the tests of a table, lines of columns, as one family; `digits`: after the point, by column."""
    texts = iter(adjusted([test for line in tests for test in line], [*digits] * len(tests), percent=percent))
    return [[next(texts) for _ in line] for line in tests]


def signed(paired: Paired, digits: int = 3, *, percent: bool = False) -> str:
    """Write a paired difference with its interval and p, in bold where the interval leaves 0 out."""
    scale = 100 if percent else 1
    d = paired.difference
    if np.isnan(d.low):
        return f"{d.mean * scale:+.{digits}f} (one)"
    text = f"{d.mean * scale:+.{digits}f} ± {d.half * scale:.{digits}f}, p {paired.p:.2g}"
    return text if d.holds(0.0) else f"**{text}**"
