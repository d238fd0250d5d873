"""Maps: one immutable file each, with what made it; drafts make room for newer ones."""

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, delete, insert, select

from shoal.types import Map, MapOrigin
from shoal.workspace import arrow
from shoal.workspace.backbone import read_backbones
from shoal.workspace.catalogue import Catalogue
from shoal.workspace.errors import SupersededError, WorkspaceError
from shoal.workspace.files import Written, read_checked, remove, unique_name, write_all
from shoal.workspace.items import id_count
from shoal.workspace.tables import events, files, maps, settings

FOLDER = "maps"
DRAFTS_KEPT = 3
CURRENT = "current_map"
"""The setting that names the chosen map; a map that is saved takes its place."""
_CACHED = 4


@dataclass(frozen=True, slots=True)
class MapRow:
    """One map without its positions: how many items it places, whether it is final, when it was saved (s)."""

    id: int
    items: int
    final: bool
    created: float
    origin: MapOrigin


class MapStore:
    """Saves and reads maps."""

    def __init__(self, catalogue: Catalogue, root: Path) -> None:
        self._catalogue = catalogue
        self._root = root
        self._lock = threading.Lock()
        self._cache: OrderedDict[int, Map] = OrderedDict()

    def save(
        self,
        map: Map,
        *,
        final: bool,
        also: Callable[[Connection, int], None] = lambda _, __: None,
        instead_of: int | None = None,
    ) -> int:
        """Save a map, which becomes the current one unless it lies aside, and return its id.

        Of the drafts the newest three stay, and those that label events name. `also` may write more rows in
        the same transaction: it gets the connection and the map's id. Raises `WorkspaceError` when it is no
        map of this workspace's items or the disk refuses, and `SupersededError` when `instead_of` is given
        and not the main map.
        """
        with self._catalogue.read() as connection:
            _check(map, connection)
        columns = {"id": map.ids.astype(np.uint32), "x": map.xy[:, 0], "y": map.xy[:, 1]}
        origin = json.dumps(asdict(map.origin))
        data = arrow.encode(columns, {"origin": origin})
        [file] = write_all(self._root, [(unique_name(f"{FOLDER}/map", ".arrow"), data)])
        with self._catalogue.write("maps") as connection:
            self._check_main(instead_of)
            row = {"item_count": len(map.ids), "final": int(final), "created": time.time(), "origin": origin}
            id: int = connection.execute(insert(maps).values(row).returning(maps.c.id)).scalar_one()
            connection.execute(insert(files).values(kind=FOLDER, owner=id, part="", **asdict(file)))
            if not map.origin.aside:
                connection.execute(delete(settings).where(settings.c.key == CURRENT))
            also(connection, id)
            stale = _stale_drafts(connection)
        remove(self._root, stale)
        return id

    def read(self, id: int | None) -> Map | None:
        """Return the map `id`, or the current one when `id` is None, or None when there is no map at all.

        Raises `WorkspaceError` for an unknown id and for a damaged file, naming it.
        """
        if id is None:
            current = self.current()
            if current is None:
                return None
            id = current.id
        with self._lock, self._catalogue.read() as connection:
            query = select(maps, files.c.name, files.c.bytes, files.c.crc32).join(
                files, (files.c.kind == FOLDER) & (files.c.owner == maps.c.id)
            )
            row = connection.execute(query.where(maps.c.id == int(id))).one_or_none()
            if row is None:
                known = ", ".join(
                    str(known) for known in connection.scalars(select(maps.c.id).order_by(maps.c.id))
                )
                raise WorkspaceError(f"there is no map {id} (any more). There are: {known or 'none'}.")
            if row.id not in self._cache:
                self._cache[row.id] = self._load(Written(row.name, row.bytes, row.crc32), row.origin)
            self._cache.move_to_end(row.id)
            while len(self._cache) > _CACHED:
                self._cache.popitem(last=False)
            return self._cache[row.id]

    def current(self) -> MapRow | None:
        """Return the map that is shown: the one chosen last, or else the newest that does not lie aside."""
        with self._catalogue.read() as connection:
            chosen = connection.scalar(select(settings.c.value).where(settings.c.key == CURRENT))
        rows = self.rows()
        wanted = next((row for row in rows if chosen is not None and row.id == int(chosen)), None)
        return wanted or next((row for row in reversed(rows) if not row.origin.aside), None)

    def main(self) -> MapRow | None:
        """Return the map that work goes on from: the current one; where it lies aside, what it came from."""
        rows = self.rows()
        by_id: dict[int | None, MapRow] = {row.id: row for row in rows}
        row = self.current()
        while row is not None and row.origin.aside:
            row = by_id.get(row.origin.parent)
        return row or next((row for row in reversed(rows) if not row.origin.aside), None)

    def choose(self, id: int) -> None:
        """Make map `id` current until another is chosen or made; raises `WorkspaceError` if there is none."""
        self.read(id)
        with self._catalogue.write("maps") as connection:
            connection.execute(delete(settings).where(settings.c.key == CURRENT))
            connection.execute(insert(settings), [{"key": CURRENT, "value": str(int(id))}])

    def rows(self) -> list[MapRow]:
        """List the maps, oldest first."""
        with self._catalogue.read() as connection:
            rows = connection.execute(select(maps).order_by(maps.c.id)).all()
        return [
            MapRow(row.id, row.item_count, bool(row.final), row.created, _origin(row.origin)) for row in rows
        ]

    def _check_main(self, wanted: int | None) -> None:
        """Raise `SupersededError` unless `wanted` is the main map; nobody else writes meanwhile."""
        main = self.main()
        if wanted is not None and (main is None or main.id != wanted):
            shown = "none" if main is None else f"map {main.id}"
            raise SupersededError(
                f"map {wanted} is not the current one any more but {shown}: nothing was saved."
            )

    def _load(self, file: Written, origin: str) -> Map:
        columns, _ = arrow.decode(read_checked(self._root, file), file.name)
        xy = np.stack([columns["x"], columns["y"]], axis=1)
        ids = columns["id"].astype(np.int64)
        xy.flags.writeable = ids.flags.writeable = False
        return Map(xy, ids, _origin(origin))


def _origin(text: str) -> MapOrigin:
    return MapOrigin(**json.loads(text))


def _stale_drafts(connection: Connection) -> list[str]:
    """Delete the rows of drafts that are neither new nor named by a label event; return their files."""
    drafts = connection.scalars(select(maps.c.id).where(maps.c.final == 0).order_by(maps.c.id.desc())).all()
    used = set(connection.scalars(select(events.c.map_id).distinct()))
    stale = [id for id in drafts[DRAFTS_KEPT:] if id not in used]
    if not stale:
        return []
    of_stale = (files.c.kind == FOLDER) & files.c.owner.in_(stale)
    names = list(connection.scalars(select(files.c.name).where(of_stale)))
    connection.execute(delete(files).where(of_stale))
    connection.execute(delete(maps).where(maps.c.id.in_(stale)))
    return names


def _check(map: Map, connection: Connection) -> None:
    ids, xy = map.ids, map.xy
    total = id_count(connection)
    known = [row.fingerprint for row in read_backbones(connection)]
    problem = ""
    if ids.ndim != 1 or xy.shape != (len(ids), 2):
        problem = (
            f"its ids have the shape {ids.shape} and its positions {xy.shape} instead of (N,) and (N, 2)"
        )
    elif xy.dtype != np.float32 or not np.isfinite(xy).all():
        problem = "its positions are not finite float32"
    elif len(ids) and (np.diff(ids) <= 0).any():
        problem = "its ids are not ascending"
    elif len(ids) and not 0 <= ids[0] <= ids[-1] < total:
        problem = f"its ids are not within 0..{total - 1}"
    elif known and map.origin.fingerprint not in known:
        problem = f"its vectors are of {map.origin.fingerprint}, but those here are of {', '.join(known)}"
    if problem:
        raise WorkspaceError(f"this map cannot be saved: {problem}.")
