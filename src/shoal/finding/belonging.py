"""What a lasso missed and what it took by mistake: a projection lies, the vectors know better."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.finding.space import Rows, Space

VOTERS = 10
"""How many nearest others decide whether an item belongs."""
MISSED_FROM = 0.6
"""An item outside belongs when so many of its voters are inside."""
STRANGER_UPTO = 0.2
"""An item inside is a stranger when no more of its voters are inside, and `STRANGER_Z` says so too."""
STRANGER_Z = 3.0
COMPARED = 5_000
"""So many items of a selection are compared with each other."""
SAMPLE = 256


@dataclass(frozen=True, slots=True)
class Belonging:
    """Rows outside that belong (likeliest first) and rows inside that do not (least likely first).

    `missed_share` and `stranger_share` are the shares of an item's voters that are inside.
    """

    missed: Rows
    missed_share: NDArray[np.float32]
    strangers: Rows
    stranger_share: NDArray[np.float32]


def belonging(space: Space, rows: Rows) -> Belonging:
    """Ask the nearest others of every item whether it belongs with `rows`.

    A stranger also has to be less alike to its nearest in the selection than the others are, by more than
    three robust standard deviations: who lassoes a part of a group has not taken the whole part by mistake.
    """
    graph, _ = space.graph()
    inside = np.zeros(len(space), dtype=np.bool_)
    inside[rows] = True
    voters = graph[:, : int(np.clip(len(rows) // 2, 1, min(VOTERS, graph.shape[1])))]
    share = inside[voters].mean(axis=1).astype(np.float32)
    missed = np.flatnonzero(~inside & (share >= MISSED_FROM))
    missed = missed[np.argsort(-share[missed], kind="stable")]
    strangers = rows[(share[rows] <= STRANGER_UPTO) & _unlike_the_rest(space, rows)]
    strangers = strangers[np.argsort(share[strangers], kind="stable")]
    return Belonging(missed, share[missed], strangers, share[strangers])


def _unlike_the_rest(space: Space, rows: Rows) -> NDArray[np.bool_]:
    """Return which of `rows` are far less alike to their nearest in the selection than the others are."""
    if len(rows) < 4:
        return np.zeros(len(rows), dtype=np.bool_)
    if len(rows) > COMPARED:  # too many to compare: the voters decide alone
        return np.ones(len(rows), dtype=np.bool_)
    chosen = space.unit[rows]
    cosines = chosen @ chosen.T
    np.fill_diagonal(cosines, -np.inf)
    near = np.sort(cosines, axis=1)[:, -min(5, len(rows) - 1) :].mean(axis=1)
    unlike: NDArray[np.bool_] = robust_z(-near) > STRANGER_Z
    return unlike


def robust_z(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return (x - median) / (1.4826 MAD) for values (N,): how far each lies above the middle."""
    middle = np.median(values)
    spread = 1.4826 * np.median(np.abs(values - middle))
    return np.asarray((values - middle) / max(float(spread), 1e-6), dtype=np.float32)


def trustworthiness(space: Space, rows: Rows, xy: NDArray[np.float32], k: int = VOTERS) -> float:
    """Return how far the map can be trusted around `rows`: 1 where neighbours on it are neighbours in truth.

    xy (N, 2) are the positions of all items of the space, NaN for one that is not on the map. This is T(k)
    of Venna and Kaski (2001), equation 2, averaged over the items `rows` (a sample of 256) instead of all:
    1 - 2 / (m k (2N - 3k - 1)) * sum over i, and over those of i's k neighbours on the map that are none in
    the space, of r(i, j) - k, where r is the rank in the space.
    """
    placed = np.flatnonzero(np.isfinite(xy).all(axis=1))
    rows = rows[np.isin(rows, placed)]
    n = len(placed)
    k = min(k, n // 2 - 1)
    if k < 1 or len(rows) == 0:
        return 1.0
    rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), SAMPLE)).astype(int)]
    penalty = 0.0
    for row in rows:
        apart = ((xy[placed] - xy[row]) ** 2).sum(axis=1)
        apart[placed == row] = np.inf
        near = np.argpartition(apart, k)[:k]
        cosines = space.unit[placed] @ space.unit[row]
        cosines[placed == row] = -np.inf
        ranks = 1 + (cosines[None, :] > cosines[near][:, None]).sum(axis=1)
        penalty += float(np.maximum(ranks - k, 0).sum())
    return 1.0 - 2.0 * penalty / (len(rows) * k * (2 * n - 3 * k - 1))
