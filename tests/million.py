"""A workspace of a million items, made in seconds: names and places only, neither vectors nor pictures."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import insert, text

from shoal.types import Map, MapOrigin
from shoal.workspace import Workspace
from shoal.workspace.catalogue import Catalogue, counter
from shoal.workspace.items import EMBEDDED
from shoal.workspace.tables import shards, sources

ITEMS = """
INSERT INTO items (id, source, key, size, mtime_ns, status, shard, width, height, touched)
WITH RECURSIVE every(id) AS (SELECT 0 UNION ALL SELECT id + 1 FROM every WHERE id + 1 < :n)
SELECT id, 1, CAST(printf('%07d.png', id) AS BLOB), 1000, 1, :status, 0, 64, 64, :touched FROM every
"""


@dataclass(frozen=True)
class Million:
    """Where the workspace is, and where its items lie: xy (N, 2) float32 by item id."""

    path: Path
    xy: NDArray[np.float32]

    def within(self, x0: float, y0: float, x1: float, y1: float) -> NDArray[np.int64]:
        """Return the ids in a box, its edges included, ascending."""
        x, y = self.xy[:, 0], self.xy[:, 1]
        return np.flatnonzero((x >= x0) & (x <= x1) & (y >= y0) & (y <= y1))


def seed_million(path: str | Path, *, n: int = 1_000_000, seed: int = 0) -> Million:
    """Make a workspace of `n` items on one final map: sixty normal clusters of unlike sizes.

    The items are one SQL statement: a scan, which compares each with what there was, takes much longer.
    """
    random = np.random.default_rng(seed)
    xy = scattered(n, random)
    with Workspace.open(path, create=True):
        pass
    catalogue = Catalogue(Path(path))
    with catalogue.write("items") as connection:
        connection.execute(insert(sources).values(id=1, uri=f"generated:{n}"))
        connection.execute(insert(shards).values(number=0, source=1, committed=1))
        touched = counter(connection, "items")
        connection.execute(text(ITEMS), {"n": n, "status": EMBEDDED, "touched": touched})
    catalogue.close()
    with Workspace.open(path) as workspace:
        origin = MapOrigin("pca", {}, seed, "generated", "generated-1", "none")
        workspace.save_map(Map(xy, np.arange(n), origin), final=True)
    return Million(Path(path), xy)


def scattered(n: int, random: np.random.Generator) -> NDArray[np.float32]:
    """Return places (N, 2) float32 in the unit square, in clusters."""
    middles, spreads = random.uniform(0.1, 0.9, (60, 2)), random.uniform(0.005, 0.045, 60)
    of = random.integers(0, 60, n)
    xy = middles[of] + random.normal(size=(n, 2)) * spreads[of, None]
    return np.clip(xy, 0, 1).astype(np.float32)
