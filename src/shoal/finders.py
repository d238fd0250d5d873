"""Finding in a workspace: the spaces of its layers, made when first asked for and kept in memory."""

import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.finding import (
    Space,
    belonging,
    difference_hash,
    duplicate_groups,
    odd_labels,
    outliers,
    trustworthiness,
)
from shoal.types import UNLABELLED, Map, ShoalError
from shoal.workspace import Workspace

SPACES_KEPT = 2
HASHED_AT = 64
"""The box in px of the thumbnails that near-duplicates are compared by."""
HASH_BLOCK = 1_024

Ids = NDArray[np.int64]
Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Beyond:
    """What a lasso missed and what it took by mistake, and how far the map can be trusted there (0 to 1).

    `ids` (M,) with `inside` (M,): 1 for a stranger inside, 0 for one outside that belongs; `share` (M,) of
    an item's nearest others that are inside.
    """

    ids: Ids
    inside: NDArray[np.int32]
    share: Scores
    trust: float


class Finders:
    """Find by likeness in one layer of a workspace; `layer` None means the current map's.

    Every method raises `ShoalError` for a layer that is not stored, and when fewer than two items are
    embedded. The first question of a layer reads its vectors; two layers are kept.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._spaces: OrderedDict[tuple[str, int], Space] = OrderedDict()
        self._lock = threading.Lock()

    def layer(self, layer: str | None = None) -> str:
        """Return the layer that is searched."""
        if layer is not None:
            return layer
        current = self._workspace.current_map()
        own = self._workspace.backbone()
        if current is not None and current.origin.layer in self._workspace.layers:
            return current.origin.layer
        if own is None:
            raise ShoalError(f"nothing of {self._workspace.path} is embedded yet: `shoal map` does it.")
        return own.layers[-1]

    def similar(self, ids: Ids, *, layer: str | None, how: str, count: int) -> tuple[Ids, Scores]:
        """Return up to `count` items most alike to `ids` and their cosines; `how` is mean or max."""
        space = self._space(layer)
        rows = space.rows_of(ids)
        if not len(rows):
            raise ShoalError("none of these items has vectors yet: wait until they are embedded.")
        found, cosines = space.similar(rows, count, how=how)
        return space.ids[found], cosines

    def beyond(self, ids: Ids, *, layer: str | None, drawn: Map, count: int) -> Beyond:
        """Return what belongs with `ids` but is not among them, and what of them does not belong."""
        space = self._space(layer)
        rows = space.rows_of(ids)
        if not len(rows):
            raise ShoalError("none of these items has vectors yet: wait until they are embedded.")
        found = belonging(space, rows)
        missed, strangers = found.missed[:count], found.strangers[:count]
        return Beyond(
            ids=space.ids[np.concatenate([missed, strangers])],
            inside=np.repeat(np.array([0, 1], np.int32), [len(missed), len(strangers)]),
            share=np.concatenate([found.missed_share[:count], found.stranger_share[:count]]),
            trust=trustworthiness(space, rows, _positions(drawn, space.ids)),
        )

    def duplicates(self, *, layer: str | None) -> tuple[Ids, Ids, Scores]:
        """Return near-duplicates: ids, the group of each, its cosine with the first: the one to keep."""
        space = self._space(layer)
        sizes = self._workspace.sizes()[space.ids].astype(np.int64)
        rows, groups, cosines = duplicate_groups(space, self._hashes(space), sizes[:, 0] * sizes[:, 1])
        return space.ids[rows], groups, cosines

    def outliers(self, *, layer: str | None) -> tuple[Ids, Scores]:
        """Return the items that lie alone and their robust z, the loneliest first."""
        space = self._space(layer)
        rows, z = outliers(space)
        return space.ids[rows], z

    def odd(self, *, layer: str | None) -> tuple[Ids, Ids, Scores]:
        """Return the items whose label is suspected, the class id their neighbours have, how many agree."""
        space = self._space(layer)
        labels = np.full(len(self._workspace.items), UNLABELLED, dtype=np.int64)
        current = self._workspace.log.current()
        labels[: len(current)] = current[: len(labels)]
        rows, classes, share = odd_labels(space, labels[space.ids])
        return space.ids[rows], classes, share

    def _space(self, layer: str | None) -> Space:
        name = self.layer(layer)
        ids = np.flatnonzero(self._workspace.items.status == "embedded")
        # Vectors change with the shard that holds them; ids and shards together name exactly these vectors.
        key = (name, zlib.crc32(self._workspace.shards_of(ids).tobytes(), zlib.crc32(ids.tobytes())))
        with self._lock:
            if key not in self._spaces:
                embedding = self._workspace.embedding(name)
                self._spaces[key] = Space(embedding.vectors, embedding.ids)
            self._spaces.move_to_end(key)
            while len(self._spaces) > SPACES_KEPT:
                self._spaces.popitem(last=False)
            return self._spaces[key]

    def _hashes(self, space: Space) -> Callable[[Ids], NDArray[np.uint64]]:
        def hashes(rows: Ids) -> NDArray[np.uint64]:
            found: list[int] = []
            for start in range(0, len(rows), HASH_BLOCK):
                ids = space.ids[rows[start : start + HASH_BLOCK]]
                found += map(difference_hash, self._workspace.thumbnails(ids, HASHED_AT))
            return np.array(found, dtype=np.uint64)

        return hashes


def _positions(drawn: Map, ids: Ids) -> NDArray[np.float32]:
    """Return the positions (N, 2) of `ids` on a map, NaN where it does not show them."""
    xy = np.full((len(ids), 2), np.nan, dtype=np.float32)
    shown = np.isin(ids, drawn.ids)
    xy[shown] = drawn.xy[np.searchsorted(drawn.ids, ids[shown])]
    return xy
