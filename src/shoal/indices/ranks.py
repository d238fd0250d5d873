"""Gamma and the C-index: whether the distances within classes are the small ones among all distances."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from shoal.indices.base import index
from shoal.indices.clusters import Clusters, Floats, ValidityError
from shoal.indices.distances import pieces, squared

BINS = 1 << 16
HELD = 1 << 27
"""How many distances within classes Gamma sorts in memory: 512 MiB, thrice that while they are measured."""
BUFFER = 1 << 24
"""How many distances between classes Gamma sorts at once."""


@index("higher", cost="N² log n", source="Baker & Hubert (1975), Goodman-Kruskal gamma of pairs")
def gamma_index(clusters: Clusters) -> float:
    """Gamma = (s+ - s-) / (s+ + s-), in [-1, 1].

    s+ counts the pairs of a distance within a class and one between classes where the first is smaller, s-
    those where it is larger; equal ones count nowhere, and 0 is the value where all are equal. Distances
    are computed in float64 and compared in float32, so that rounding breaks no ties.
    Arbelaitz et al. print s- / (s+ + s-), where lower is better. Raises `ValidityError` where every class is
    a singleton (no distance within), or has more than 2^27 distances within classes.
    """
    points = clusters.points / max(float(np.abs(clusters.points).max()), np.finfo(float).tiny)
    within = _sorted_within(clusters, points)
    concordant = discordant = 0
    for between in _sorted_between(clusters, points):
        # the fewer are looked up among the more
        if len(within) < len(between):
            discordant += int(np.searchsorted(between, within, side="left").sum())
            not_above = int(np.searchsorted(between, within, side="right").sum())
            concordant += len(within) * len(between) - not_above
        else:
            concordant += int(np.searchsorted(within, between, side="left").sum())
            not_above = int(np.searchsorted(within, between, side="right").sum())
            discordant += len(within) * len(between) - not_above
    total = concordant + discordant
    return (concordant - discordant) / total if total else 0.0


def _pairs_within(clusters: Clusters, asked_by: str) -> int:
    pairs = int((clusters.counts * (clusters.counts - 1) // 2).sum())
    if pairs == 0:
        raise ValidityError(f"{asked_by} got {clusters.k} singletons; it needs a class of two or more items.")
    return pairs


def _sorted_within(clusters: Clusters, points: Floats) -> NDArray[np.float32]:
    pairs = _pairs_within(clusters, "gamma_index")
    if pairs > HELD:
        raise ValidityError(
            f"gamma_index got {pairs:,} pairs within classes and sorts at most {HELD:,}; give it a sample."
        )
    from scipy.spatial.distance import pdist

    ends = np.split(points, clusters.starts[1:-1])
    found = [pdist(members).astype(np.float32) for members in ends]
    return np.sort(np.concatenate(found))


def _sorted_between(clusters: Clusters, points: Floats) -> Iterator[NDArray[np.float32]]:
    """Yield all distances between classes, sorted, some `BUFFER` of them at a time."""
    from scipy.spatial.distance import cdist

    held: list[NDArray[np.float32]] = []
    for rows, columns, same in _tiles(clusters):
        distances = cdist(points[rows], points[columns]).astype(np.float32)
        held.append(distances.ravel() if same is None else distances[~same])
        if sum(map(len, held)) > BUFFER:
            yield np.sort(np.concatenate(held))
            held = []
    yield np.sort(np.concatenate(held)) if held else np.zeros(0, dtype=np.float32)


def _tiles(clusters: Clusters) -> Iterator[tuple[slice, slice, NDArray[np.bool_] | None]]:
    """Yield rows, columns above them, and which pairs are of one class or seen before (None: none)."""
    for rows in pieces(len(clusters)):
        for columns in pieces(len(clusters), start=rows.start):
            if clusters.places[rows.stop - 1] < clusters.places[columns.start]:
                yield rows, columns, None
                continue
            same = clusters.places[rows][:, None] == clusters.places[columns]
            yield rows, columns, same | np.tri(len(same), dtype=np.bool_) if rows == columns else same


@index("lower", cost="N²", source="Hubert & Levin (1976), C")
def c_index(clusters: Clusters) -> float:
    """C = (S - S_min) / (S_max - S_min), in [0, 1].

    S is the sum of the n_w distances within classes, S_min and S_max the sums of the n_w smallest and largest
    of all distances. Two passes over the pairs, exact, in bounded memory. 1 where S_max = S_min; raises
    `ValidityError` where every class is a singleton.
    """
    wanted = _pairs_within(clusters, "c_index")
    top = 4.0 * float(np.square(clusters.points).sum(axis=1).max())
    if top == 0.0:
        return 1.0
    counts = np.zeros(BINS, dtype=np.int64)
    for rows, columns in _upper(len(clusters)):
        counts += np.bincount(_bins(clusters, rows, columns, top)[1], minlength=BINS)
    low = int(np.searchsorted(np.cumsum(counts), wanted))
    high = BINS - 1 - int(np.searchsorted(np.cumsum(counts[::-1]), wanted))
    least = most = 0.0
    few: list[Floats] = []
    many: list[Floats] = []
    for rows, columns in _upper(len(clusters)):
        squares, at = _bins(clusters, rows, columns, top)
        least += float(np.sqrt(squares[at < low]).sum())
        most += float(np.sqrt(squares[at > high]).sum())
        few.append(squares[at == low])
        many.append(squares[at == high])
    rest = wanted - int(counts[:low].sum())
    least += float(np.sqrt(np.sort(np.concatenate(few))[:rest]).sum())
    rest = wanted - int(counts[high + 1 :].sum())
    most += float(np.sqrt(np.sort(np.concatenate(many))[::-1][:rest]).sum())
    inside = sum(_sum_within(clusters.members(k)) for k in range(clusters.k))
    # equal distances leave only rounding between the two
    return float((inside - least) / (most - least)) if most - least > 1e-12 * most else 1.0


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


def _bins(clusters: Clusters, rows: slice, columns: slice, top: float) -> tuple[Floats, NDArray[np.int32]]:
    """Return each pair's squared distance once, flat, and its bin; `top` is the largest there can be."""
    squares = squared(clusters.points[rows], clusters.points[columns])
    flat = squares[np.triu_indices(len(squares), 1)] if rows == columns else squares.ravel()
    bins: NDArray[np.int32] = np.minimum((flat * ((BINS - 1) / top)).astype(np.int32), BINS - 1)
    return flat, bins
