"""What every clustering method takes, gives and refuses."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from shoal.arrays import as_array, is_number, is_whole
from shoal.types import Scalar, ShoalError, Watch

NOISE = -1
"""The label of an item that belongs to no cluster."""
LARGEST = float(np.finfo(np.float32).max)
"""Centres are float32: larger values have none."""

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]


class ClusteringError(ShoalError):
    """A clustering method refuses its input or its settings, or lacks the package it needs."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """One clustering within a method that clusters again and again while it trains a network.

    `loss` is the training's mean loss after this clustering, None where no training followed. `changed` is
    the share of items in another cluster than one clustering before, after the ids were matched; `nmi_before`
    compares the two without matching. `nmi_labels` compares with labels that were given for the record only.
    `empty` clusters have no item now; `splits` counts those that k-means filled by splitting another.
    """

    number: int
    loss: float | None = None
    changed: float | None = None
    nmi_before: float | None = None
    nmi_labels: float | None = None
    empty: int = 0
    splits: int = 0


@dataclass(frozen=True, slots=True)
class Clustering:
    """The clusters of N items.

    `labels` (N,) int64 are 0 ... clusters - 1, or -1 for noise. `soft` (N, K) float32 are the shares of each
    item in each cluster, rows summing to one; None where the method has none. `centres` (K, d) float32 lie in
    the space in which the method clusters: the vectors' own, unless its page says otherwise. `facts` says how
    it went; `history` has one entry for each clustering of a method that trains.
    """

    labels: Labels
    clusters: int
    soft: Floats | None
    centres: Floats | None
    facts: dict[str, Scalar]
    history: tuple[Epoch, ...] = ()


class ClusteringMethod(Protocol):
    """A method that groups items. The same seed and the same vectors give the same clusters."""

    name: str
    finds_clusters: bool
    """Whether it finds the number of clusters itself; otherwise it takes `clusters`."""

    def parameters(self) -> dict[str, Scalar]:
        """Return everything besides the seed and given networks that decides the result."""
        ...

    def fit(self, vectors: NDArray[Any], *, seed: int = 0, watch: Watch | None = None) -> Clustering:
        """Cluster vectors (N, D); raise `ClusteringError` where that cannot be done."""
        ...

    def assign(self, vectors: NDArray[Any]) -> Labels:
        """Return the cluster (M,) of new vectors (M, D) under the last fit, -1 for noise."""
        ...


def checked_vectors(who: str, vectors: Any) -> NDArray[np.floating]:
    """Return vectors (N, D) as float32 or float64; raise `ClusteringError` unless N, D > 0 and all finite.

    Finite in float32, that is, in which centres are returned: beyond 3.4e38 they would be infinite.
    """
    try:
        array = as_array(vectors)
    except ValueError as problem:
        raise ClusteringError(f"clustering {who} got vectors that are no array: {problem}") from problem
    if array.ndim != 2 or array.dtype.kind not in "fiu" or 0 in array.shape:
        raise ClusteringError(
            f"clustering {who} got vectors of shape {array.shape} and type {array.dtype}; "
            "it takes numbers (N, D), at least one row and one column."
        )
    if array.dtype in (np.float32, np.float64):
        floats: NDArray[np.floating] = array
    else:
        floats = array.astype(np.float32 if array.dtype.itemsize <= 2 else np.float64)
    bad = np.flatnonzero(~np.isfinite(floats).all(axis=1))
    if bad.size:
        raise ClusteringError(
            f"clustering {who} got {bad.size} vectors that are not finite (the first: row {bad[0]}); "
            "leave those items out or embed them again."
        )
    largest = max(float(floats.max()), -float(floats.min()))
    if largest > LARGEST:
        raise ClusteringError(
            f"clustering {who} got values as large as {largest:.3g}; it takes up to {LARGEST:.3g}, what "
            "float32 holds. Divide all vectors by one number: the clusters stay the same."
        )
    return floats


def checked_width(who: str, vectors: NDArray[np.floating], width: int) -> None:
    """Raise `ClusteringError` where vectors (M, D) are not as wide as those of the last fit."""
    if vectors.shape[1] != width:
        raise ClusteringError(
            f"clustering {who} was fitted on vectors {width} wide and got vectors {vectors.shape[1]} wide; "
            "both must come from the same layer of the same backbone."
        )


def enough(who: str, items: int, clusters: int) -> None:
    """Raise `ClusteringError` where there are fewer items than clusters."""
    if items < clusters:
        raise ClusteringError(
            f"clustering {who} got {items} items for {clusters} clusters; "
            f"ask for {items} clusters or fewer, or give it more items."
        )


def at_least(who: str, name: str, value: Any, least: float) -> None:
    """Raise `ClusteringError` unless the setting `name` is a finite number, `least` or more."""
    if not is_number(value) or not value >= least:
        raise ClusteringError(f"clustering {who} got {name}={value!r}; it takes a number, {least:g} or more.")


def count(who: str, name: str, value: Any, least: int) -> None:
    """Raise `ClusteringError` unless the setting `name` is a whole number, `least` or more."""
    if not is_whole(value) or not value >= least:
        raise ClusteringError(
            f"clustering {who} got {name}={value!r}; it takes a whole number, {least} or more."
        )


def one_of(who: str, name: str, value: Any, choices: tuple[str, ...]) -> None:
    """Raise `ClusteringError` where the setting `name` is none of `choices`."""
    if value not in choices:
        raise ClusteringError(f"clustering {who} has no {name} {value!r}; there are {', '.join(choices)}.")


def not_fitted(who: str) -> ClusteringError:
    """Return the refusal of `assign` before `fit`."""
    return ClusteringError(f"clustering {who} has no clusters yet; call fit first.")


def checked_seed(who: str, seed: Any) -> None:
    """Raise `ClusteringError` unless a seed is a whole number, 0 or more."""
    count(who, "seed", seed, 0)


def seed_from(seed: int, *purpose: int) -> int:
    """Return a seed of 31 bits for one purpose, independent of those for others."""
    return int(np.random.default_rng((seed, *purpose)).integers(2**31))
