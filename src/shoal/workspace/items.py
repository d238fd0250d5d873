"""The items as columns by item id, kept in memory and brought up to date by what changed since."""

import threading
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, func, select

from shoal.workspace.bulk import plain_rows, whole_numbers
from shoal.workspace.catalogue import Catalogue, counter
from shoal.workspace.errors import WorkspaceError
from shoal.workspace.tables import items, oddities, shown, sources

PENDING, EMBEDDED, SKIPPED, REMOVED = range(4)
STATUS = ("pending", "embedded", "skipped", "removed")
_NAMES = np.array(STATUS)
_NOTHING = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Items:
    """Every item ever found, as columns by item id. `status` is pending, embedded, skipped or removed.

    `ids` (N,) int64 is 0..N-1; `status` (N,) is text; `width`, `height` (N,) int32 are 0 where unknown;
    `reasons` says why an item was skipped, None elsewhere; `sources` are URIs as text that can be shown.
    """

    ids: NDArray[np.int64]
    names: Sequence[str]
    keys: Sequence[bytes]
    sources: Sequence[str]
    status: NDArray[np.str_]
    reasons: Sequence[str | None]
    width: NDArray[np.int32]
    height: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator["ItemRow"]:
        columns = zip(
            self.ids.tolist(),
            self.names,
            self.keys,
            self.sources,
            self.status.tolist(),
            self.reasons,
            self.width.tolist(),
            self.height.tolist(),
            strict=True,
        )
        return (ItemRow(*row) for row in columns)


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One item. `status` is pending, embedded, skipped or removed; width and height are 0 while unknown."""

    id: int
    name: str
    key: bytes
    source: str
    status: str
    reason: str | None
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Each item's file by item id: its size in bytes (N,) int64 and its time in ns since 1970 (N,) int64."""

    size: NDArray[np.int64]
    mtime_ns: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many items there are; total = embedded + pending + skipped, removed ones are counted apart.

    `skipped` counts what `Workspace.skipped` lists: undecodable items and what never became an item.
    """

    total: int
    embedded: int
    pending: int
    skipped: int
    removed: int


@dataclass(frozen=True, slots=True)
class Columns:
    """The facts that reading vectors and thumbnails needs, by item id (N,); `row` is -1 without vectors."""

    seen: int = -1
    status: NDArray[np.int8] = field(default_factory=lambda: np.empty(0, np.int8))
    shard: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    row: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    width: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    height: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))


class ItemTable:
    """Reads items; every method sees what any process has committed."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._lock = threading.Lock()
        self._columns = Columns()
        self._items: tuple[int, Items] = (-1, _no_items())

    def columns(self) -> Columns:
        """Return the numeric columns; the arrays are never written to again."""
        with self._lock, self._catalogue.read() as connection:
            return self._refresh(connection)

    def items(self) -> Items:
        """Return all columns, rebuilt only where something changed."""
        with self._lock, self._catalogue.read() as connection:
            columns = self._refresh(connection)
            seen, old = self._items
            if seen != columns.seen:
                self._items = (columns.seen, _extend(connection, old, seen, columns))
            return self._items[1]

    def item(self, id: int) -> ItemRow:
        """Return one item; raises `WorkspaceError` when no item has this id."""
        query = select(items, sources.c.uri).join(sources).where(items.c.id == int(id))
        with self._catalogue.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise WorkspaceError(
                f"there is no item {id}: this workspace has {len(self.columns().status)} items."
            )
        return ItemRow(
            row.id,
            display_name(row.key),
            row.key,
            shown(row.uri),
            STATUS[row.status],
            row.reason,
            row.width,
            row.height,
        )

    def counts(self) -> Counts:
        """Count the items by status."""
        with self._catalogue.read() as connection:
            strange = int(connection.scalar(select(func.count()).select_from(oddities)) or 0)
        pending, embedded, skipped, removed = np.bincount(self.columns().status, minlength=4).tolist()
        skipped += strange
        return Counts(pending + embedded + skipped, embedded, pending, skipped, removed)

    def files(self) -> FileFacts:
        """Return size and time of every item's file, as of the last scan."""
        query = select(items.c.id, items.c.size, items.c.mtime_ns)
        with self._catalogue.read() as connection:
            ids, size, mtime_ns = whole_numbers(connection, query)
        total = int(ids.max(initial=-1)) + 1
        return FileFacts(_put(_NOTHING, total, ids, size), _put(_NOTHING, total, ids, mtime_ns))

    def skipped(self) -> list[tuple[str, str]]:
        """List (display name, reason) of every skipped item and of everything that never became an item."""
        undecodable = select(items.c.key, items.c.reason).where(items.c.status == SKIPPED)
        with self._catalogue.read() as connection:
            rows = list(connection.execute(undecodable))
            rows += list(connection.execute(select(oddities.c.key, oddities.c.reason)))
        return [(display_name(row.key), row.reason or "") for row in sorted(rows, key=lambda row: row.key)]

    def _refresh(self, connection: Connection) -> Columns:
        old = self._columns
        seen = counter(connection, "items")
        if seen == old.seen:
            return old
        c = items.c
        query = select(c.id, c.status, c.shard, func.coalesce(c.row, -1), c.width, c.height)
        ids, *news = whole_numbers(connection, _since(query, old.seen))
        total = max(len(old.status), int(ids.max(initial=-1)) + 1)
        before: list[NDArray[Any]] = [old.status, old.shard, old.row, old.width, old.height]
        fresh = [_put(column, total, ids, new) for column, new in zip(before, news, strict=True)]
        self._columns = Columns(seen, *fresh)
        return self._columns


def display_name(key: bytes) -> str:
    r"""Return a key as text that can always be shown; bytes that are not UTF-8 appear as \xNN."""
    return key.decode("utf-8", "backslashreplace")


def id_count(connection: Connection) -> int:
    """Return how many ids were ever given."""
    highest = connection.scalar(select(func.max(items.c.id)))
    return 0 if highest is None else int(highest) + 1


def _since(query: Select[Any], seen: int) -> Select[Any]:
    """Narrow a query to what was touched since; the first time, to read the table in its order is faster."""
    return query if seen < 0 else query.where(items.c.touched > seen)


def _put(old: NDArray[Any], total: int, ids: NDArray[np.int64], values: NDArray[np.int64]) -> NDArray[Any]:
    new = np.zeros(total, dtype=old.dtype)
    new[: len(old)] = old
    new[ids] = values
    new.flags.writeable = False
    return new


def _no_items() -> Items:
    none = np.empty(0, np.int32)
    return Items(np.empty(0, np.int64), [], [], [], np.empty(0, _NAMES.dtype), [], none, none)


def _extend(connection: Connection, old: Items, seen: int, columns: Columns) -> Items:
    uri_of = {id: shown(uri) for id, uri in connection.execute(select(sources.c.id, sources.c.uri))}
    c = items.c
    query = _since(select(c.id, c.key, c.reason, c.source), seen).order_by(c.id)
    names, keys, uris, reasons = list(old.names), list(old.keys), list(old.sources), list(old.reasons)
    rows = plain_rows(connection, query)
    first = bisect_left(rows, len(names), key=itemgetter(0))  # ids have no gaps: the rest are new
    for id, key, reason, source in rows[:first]:
        names[id], keys[id], uris[id], reasons[id] = display_name(key), key, uri_of[source], reason
    names += [display_name(key) for _, key, _, _ in rows[first:]]
    keys += [key for _, key, _, _ in rows[first:]]
    uris += [uri_of[source] for _, _, _, source in rows[first:]]
    reasons += [reason for _, _, reason, _ in rows[first:]]
    total = len(columns.status)
    ids = np.arange(total, dtype=np.int64)
    return Items(ids, names, keys, uris, _NAMES[columns.status], reasons, columns.width, columns.height)
