"""Gamma and the C-index: whether the distances within classes are the small ones among all distances."""

import math
from collections.abc import Iterator

import numpy as np

from shoal.indices.base import index
from shoal.indices.checks import Floats, Ints, ValidityError
from shoal.indices.clusters import Clusters
from shoal.indices.counting import Values, orders
from shoal.indices.distances import pieces, squared

SAMPLE = 1 << 20
"""How many pairs the C-index draws at most to see where the smallest and largest distances end."""
KEPT = 1 << 22
"""How many distances near one of these ends it keeps at most: 32 MiB. Beyond, they are counted in `STEPS`."""
STEPS = 1 << 20


@index("higher", cost="N²", source="Baker & Hubert (1975), Goodman-Kruskal gamma of pairs")
def gamma_index(clusters: Clusters) -> float:
    """Gamma = (s+ - s-) / (s+ + s-), in [-1, 1].

    s+ counts the pairs of a distance within a class and one between classes where the first is smaller, s-
    those where it is larger; equal ones count nowhere, and 0 is the value where all are equal. Distances
    are computed in float64 and compared in float32, so that rounding breaks no ties. Two passes over the
    pairs of items, or a few more where distances differ by many doublings; exact.
    Arbelaitz et al. print s- / (s+ + s-), where lower is better. Raises `ValidityError` where every class is
    a singleton (no distance within).
    """
    _pairs_within(clusters, "gamma_index")
    concordant, discordant = orders(lambda: _distances(clusters))
    total = concordant + discordant
    return (concordant - discordant) / total if total else 0.0


def _distances(clusters: Clusters) -> Iterator[tuple[Values, Values]]:
    """Yield the distances within classes and those between, of each pair once, tile by tile."""
    from scipy.spatial.distance import cdist

    none = np.zeros(0, dtype=np.float32)
    for rows, columns in _upper(len(clusters)):
        distances = cdist(clusters.points[rows], clusters.points[columns]).astype(np.float32)
        if clusters.places[rows.stop - 1] < clusters.places[columns.start]:
            yield none, distances.ravel()
            continue
        same = clusters.places[rows][:, None] == clusters.places[columns]
        if rows == columns:
            above = ~np.tri(len(same), dtype=np.bool_)
            yield distances[same & above], distances[~same & above]
        else:
            yield distances[same], distances[~same]


def _pairs_within(clusters: Clusters, asked_by: str) -> int:
    pairs = int((clusters.counts * (clusters.counts - 1) // 2).sum())
    if pairs == 0:
        raise ValidityError(f"{asked_by} got {clusters.k} singletons; it needs a class of two or more items.")
    return pairs


@index("lower", cost="N²", source="Hubert & Levin (1976), C")
def c_index(clusters: Clusters) -> float:
    """C = (S - S_min) / (S_max - S_min), in [0, 1].

    S is the sum of the n_w distances within classes, S_min and S_max the sums of the n_w smallest and largest
    of all distances. One pass over the pairs, or more where the sample that says where the smallest end was
    unlucky; exact (where more than 2^22 distances lie near an end, to some 1e-12). 1 where S_max = S_min;
    raises `ValidityError` where every class is a singleton.
    """
    wanted = _pairs_within(clusters, "c_index")
    if not clusters.points.any():
        return 1.0
    sample, typical = np.sort(_sample(clusters)), _typical(clusters.points)
    least = most = None
    for width in (4.0, 16.0, 64.0, math.inf):
        tails = [
            _Tail(wanted, *_edge(s, wanted, len(clusters), width, typical)) for s in (sample, -sample[::-1])
        ]
        for rows, columns in _upper(len(clusters)):
            squares = squared(clusters.points[rows], clusters.points[columns])
            flat = squares[np.triu_indices(len(squares), 1)] if rows == columns else squares.ravel()
            tails[0].add(flat)
            tails[1].add(-flat)
        least, most = (tail.total() for tail in tails)
        if least is not None and most is not None:
            break
    assert least is not None
    assert most is not None
    inside = sum(_sum_within(clusters.members(k)) for k in range(clusters.k))
    # equal distances leave only rounding between the two
    return (inside - least) / (most - least) if most - least > 1e-12 * most else 1.0


def _sample(clusters: Clusters) -> Floats:
    """Return the squared distances of some pairs of items, drawn with a seed of its own."""
    n = len(clusters)
    rng = np.random.default_rng(0)
    size = min(n * n // 1_024 + 1_000, SAMPLE)
    one = rng.integers(n, size=size)
    other = (one + rng.integers(1, n, size=size)) % n
    found = np.empty(size)
    for part in pieces(size, 1 << 12):
        rest = clusters.points[one[part]] - clusters.points[other[part]]
        found[part] = np.einsum("nd,nd->n", rest, rest)
    return found


def _typical(points: Floats) -> float:
    """Return four times the median squared distance of some points to their middle: what rounding goes by.

    The largest would go by one point far from all others.
    """
    some = points[:: max(1, len(points) // 1_000)]
    rest = some - np.median(some, axis=0)
    return 4.0 * float(np.median(np.einsum("nd,nd->n", rest, rest)))


def _edge(sample: Floats, wanted: int, n: int, width: float, typical: float) -> tuple[float, float, bool]:
    """Return two values between which the `wanted`-th least of all lies, by a sorted sample of them.

    They stand `width` standard errors to either side of the sample's quantile; the third value says whether
    only rounding lies between them.
    """
    if math.isinf(width):
        return -math.inf, math.inf, False
    share = wanted / (n * (n - 1) // 2)
    error = width * (math.sqrt(share * (1.0 - share) * len(sample)) + 1.0)
    low, high = math.floor(share * len(sample) - error), math.ceil(share * len(sample) + error)
    below = sample[low] if low >= 0 else -math.inf
    upto = sample[high] if high < len(sample) else math.inf
    if math.isinf(below) or math.isinf(upto):
        return below, upto, False
    slack = 1e-13 * (typical + abs(upto))
    return below - slack, upto + slack, bool(upto - below <= 2.0 * slack)


class _Tail:
    """The sum of the roots of the `wanted` least of many values in blocks, of which few are held.

    Values are squares, or negative squares for the largest. Those under `below` are summed, those up to
    `upto` are kept, or summed too where they are `equal`. Beyond `KEPT` they are counted and summed in
    `STEPS` of one width between the two; the step of which only some are wanted counts by its mean.
    """

    def __init__(self, wanted: int, below: float, upto: float, equal: bool) -> None:
        self.wanted, self.below, self.upto, self.equal = wanted, below, upto, equal
        self.count, self.sum = 0, 0.0
        self.equals, self.sum_of_equals = 0, 0.0
        self.kept: list[Floats] = []
        self.held = 0
        self.steps: tuple[Ints, Floats] = np.zeros(0, dtype=np.int64), np.zeros(0)

    def add(self, values: Floats) -> None:
        """Take the part of values (M,) that counts."""
        near = values[values <= self.upto]
        under = near < self.below
        self.count += int(under.sum())
        self.sum += float(np.sqrt(np.abs(near[under])).sum())
        edge = near[~under]
        if self.equal:
            self.equals += len(edge)
            self.sum_of_equals += float(np.sqrt(np.abs(edge)).sum())
            return
        self.kept.append(edge)
        self.held += len(edge)
        if self.held > KEPT and math.isfinite(self.upto - self.below):
            self._count_kept()

    def _count_kept(self) -> None:
        if not len(self.steps[0]):
            self.steps = np.zeros(STEPS, dtype=np.int64), np.zeros(STEPS)
        scale = STEPS / (self.upto - self.below)
        for kept in self.kept:
            places = np.minimum((kept - self.below) * scale, STEPS - 1).astype(np.int64)
            np.add.at(self.steps[0], places, 1)
            np.add.at(self.steps[1], places, np.sqrt(np.abs(kept)))
        self.kept, self.held = [], 0

    def total(self) -> float | None:
        """Return the sum; None where the `wanted`-th least lies elsewhere."""
        missing = self.wanted - self.count
        if len(self.steps[0]):
            self._count_kept()
            return self._total_of_steps(missing, *self.steps)
        kept = np.concatenate(self.kept) if self.kept else np.zeros(0)
        if not 0 <= missing <= len(kept) + self.equals:
            return None
        if self.equal:
            return self.sum + (missing / self.equals * self.sum_of_equals if missing else 0.0)
        return self.sum + float(np.sqrt(np.abs(np.sort(kept)[:missing])).sum())

    def _total_of_steps(self, missing: int, counts: Ints, sums: Floats) -> float | None:
        upto = np.cumsum(counts)
        if not 0 <= missing <= upto[-1]:
            return None
        last = int(np.searchsorted(upto, missing))
        whole = missing - int(upto[last] - counts[last])
        return (
            self.sum + float(sums[:last].sum()) + (whole / counts[last] * float(sums[last]) if whole else 0.0)
        )


def _sum_within(members: Floats) -> float:
    """Return the sum of the distances of all pairs of members (n, D)."""
    total = 0.0
    for rows, columns in _upper(len(members)):
        distances = np.sqrt(squared(members[rows], members[columns]))
        total += float((np.triu(distances, 1) if rows == columns else distances).sum())
    return total


def _upper(n: int) -> Iterator[tuple[slice, slice]]:
    for rows in pieces(n):
        for columns in pieces(n, start=rows.start):
            yield rows, columns
