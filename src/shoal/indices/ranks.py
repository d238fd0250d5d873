"""Gamma and the C-index: whether the distances within classes are the small ones among all distances."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from shoal.indices.base import index
from shoal.indices.clusters import Clusters, Floats, Ints, ValidityError
from shoal.indices.distances import pieces, squared

BINS = 1 << 16
HELD = 1 << 27
"""How many distances within classes Gamma sorts in memory: 512 MiB."""


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
    for distances, same in _tiles(clusters, points):
        other = np.sort(distances[~same])
        concordant += int(np.searchsorted(within, other, side="left").sum())
        discordant += len(within) * len(other) - int(np.searchsorted(within, other, side="right").sum())
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


def _tiles(clusters: Clusters, points: Floats) -> Iterator[tuple[NDArray[np.float32], NDArray[np.bool_]]]:
    """Yield the distances of rows to columns above them, and which are of one class."""
    from scipy.spatial.distance import cdist

    for rows in pieces(len(clusters)):
        for columns in pieces(len(clusters), start=rows.start):
            same = clusters.places[rows][:, None] == clusters.places[columns]
            if same.all():
                continue
            if rows == columns:
                same |= np.tri(len(same), dtype=np.bool_)
            yield cdist(points[rows], points[columns]).astype(np.float32), same


@index("lower", cost="N²", source="Hubert & Levin (1976), C")
def c_index(clusters: Clusters) -> float:
    """C = (S - S_min) / (S_max - S_min), in [0, 1].

    S is the sum of the n_w distances within classes, S_min and S_max the sums of the n_w smallest and largest
    of all distances. Two passes over the pairs, exact, in bounded memory. 1 where S_max = S_min; raises
    `ValidityError` where every class is a singleton.
    """
    wanted = _pairs_within(clusters, "c_index")
    top = 2.0 * float(np.linalg.norm(clusters.points, axis=1).max())
    if top == 0.0:
        return 1.0
    counts, sums, inside = np.zeros(BINS, dtype=np.int64), np.zeros(BINS), 0.0
    for distances, within in _upper(clusters):
        at = _bins(distances, top)
        counts += np.bincount(at, minlength=BINS)
        sums += np.bincount(at, weights=distances, minlength=BINS)
        inside += float(distances[within].sum())
    low = int(np.searchsorted(np.cumsum(counts), wanted))
    high = BINS - 1 - int(np.searchsorted(np.cumsum(counts[::-1]), wanted))
    split: dict[int, list[Floats]] = {low: [], high: []}
    for distances, _ in _upper(clusters):
        at = _bins(distances, top)
        for bin_, found in split.items():
            found.append(distances[at == bin_])
    few, many = (np.sort(np.concatenate(split[bin_])) for bin_ in (low, high))
    least = sums[:low].sum() + few[: wanted - counts[:low].sum()].sum()
    most = sums[high + 1 :].sum() + many[len(many) - (wanted - counts[high + 1 :].sum()) :].sum()
    # equal distances leave only rounding between the two
    return float((inside - least) / (most - least)) if most - least > 1e-12 * most else 1.0


def _upper(clusters: Clusters) -> Iterator[tuple[Floats, NDArray[np.bool_]]]:
    """Yield each pair's distance once, flat, and whether it is within a class."""
    for rows in pieces(len(clusters)):
        for columns in pieces(len(clusters), start=rows.start):
            distances = np.sqrt(squared(clusters.points[rows], clusters.points[columns]))
            same = clusters.places[rows][:, None] == clusters.places[columns]
            if rows == columns:
                once = np.triu_indices(len(distances), 1)
                yield distances[once], same[once]
            else:
                yield distances.ravel(), same.ravel()


def _bins(distances: Floats, top: float) -> Ints:
    found: Ints = np.minimum((distances * ((BINS - 1) / top)).astype(np.int64), BINS - 1)
    return found
