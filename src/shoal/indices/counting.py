"""Of two kinds of numbers, how many pairs stand one way and how many the other: exactly, in bounded memory.

A float32 that is not negative is ordered as its bits are. One pass counts the numbers by their leading bits,
in buckets, and so orders all pairs but those within one bucket; the next ones order these, either by a count
of every float32 that there is in the bucket or, where it has few numbers, by sorting them.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from shoal.indices.checks import Ints

REST = 15
"""How many bits a bucket leaves open."""
OPEN = np.uint32((1 << REST) - 1)
BUCKETS = 1 << (31 - REST)
BINS = 1 << 25
"""How many numbers are counted one by one in a pass: 512 MiB for the two kinds, four doublings' worth."""
HELD = 1 << 22
"""How many numbers of buckets with few are held and sorted: 16 MiB, twice that while they are."""

Values = NDArray[np.float32]
Bits = NDArray[np.uint32]
Stream = Callable[[], Iterator[tuple[Values, Values]]]
"""Gives blocks of the first kind (M,) and the second (L,), none negative, the same each time it is called."""


def orders(stream: Stream) -> tuple[int, int]:
    """Return in how many pairs of one of each kind the first is smaller, and in how many it is larger."""
    counts = np.zeros((2, BUCKETS), dtype=np.int64)
    for block in stream():
        for kind, values in enumerate(block):
            counts[kind] += np.bincount(values.view(np.uint32) >> REST, minlength=BUCKETS)
    smaller, larger = _orders_of_counts(*counts)
    shared = np.flatnonzero(counts.all(axis=0))
    total = counts[:, shared].sum(axis=0)
    order = np.argsort(total, kind="stable")
    few = order[np.cumsum(total[order]) <= HELD]
    sparse, dense = shared[few], np.sort(np.delete(shared, few))
    size = max(1, BINS >> REST)
    # the first pass takes the sparse ones too
    for start in range(0, len(dense) or min(len(sparse), 1), size):
        now = sparse if start == 0 else sparse[:0]
        found = _within_buckets(stream, dense[start : start + size], now, counts[:, now].sum(axis=1).tolist())
        smaller, larger = smaller + found[0], larger + found[1]
    return smaller, larger


def _orders_of_counts(first: Ints, second: Ints) -> tuple[int, int]:
    """Return the same of numbers 0, 1, ... that occur so often (M,) and so often (M,)."""
    total, occurs = int(second.sum()), np.flatnonzero(first)
    upto = np.cumsum(second)[occurs]
    first, second = first[occurs], second[occurs]
    if int(first.sum()) * total >= 1 << 63:
        first, upto, second = first.astype(object), upto.astype(object), second.astype(object)
    return int((first * (total - upto)).sum()), int((first * (upto - second)).sum())


def _within_buckets(stream: Stream, dense: Ints, sparse: Ints, few: list[int]) -> tuple[int, int]:
    """Return the same for pairs within one of these buckets: dense ones are counted, sparse ones sorted.

    The sparse ones hold so many numbers of each kind, `few`.
    """
    # what lies in no dense bucket is counted behind them
    place = np.full(BUCKETS, len(dense) << REST, dtype=np.int64)
    place[dense] = np.arange(len(dense)) << REST
    counts = np.zeros((2, (len(dense) + 1) << REST), dtype=np.int64)
    thin = np.zeros(BUCKETS, dtype=np.bool_)
    thin[sparse] = True
    held, filled = [np.empty(n, dtype=np.uint32) for n in few], [0, 0]
    for block in stream():
        for kind, values in enumerate(block):
            bits = values.view(np.uint32)
            bucket = bits >> REST
            if len(dense):
                np.add.at(counts[kind], place[bucket] + (bits & OPEN), 1)
            if len(sparse):
                some = bits[thin[bucket]]
                held[kind][filled[kind] : filled[kind] + len(some)] = some
                filled[kind] += len(some)
    smaller, larger = _orders_of_sorted(*(np.sort(bits) for bits in held))
    for start in range(0, len(dense) << REST, 1 << REST):
        found = _orders_of_counts(*counts[:, start : start + (1 << REST)])
        smaller, larger = smaller + found[0], larger + found[1]
    return smaller, larger


def _orders_of_sorted(first: Bits, second: Bits) -> tuple[int, int]:
    """Return the same for sorted bits (M,) and (L,), of pairs within one bucket."""
    begin, end = (np.searchsorted(second, first & ~OPEN), np.searchsorted(second, first | OPEN, side="right"))
    below, upto = np.searchsorted(second, first), np.searchsorted(second, first, side="right")
    return int((end - upto).sum()), int((below - begin).sum())
