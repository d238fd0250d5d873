"""Bring the items in line with what the sources offer now: new, changed, moved, removed, returned."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
from sqlalchemy import (
    Connection,
    Executable,
    Row,
    Update,
    bindparam,
    case,
    delete,
    func,
    insert,
    select,
    update,
)

from shoal.types import Found, ItemError, Skipped, Source
from shoal.workspace.catalogue import Catalogue, counter
from shoal.workspace.errors import WorkspaceError
from shoal.workspace.items import EMBEDDED, PENDING, REMOVED, SKIPPED, id_count
from shoal.workspace.tables import items, oddities, shards, sources

FIRST_SHARDS = (256, 768)
SHARD_SIZE = 1024
_CHUNK = 10_000
_TRIES = 5


@dataclass(frozen=True, slots=True)
class ScanReport:
    """What a scan found: `skipped` never became items; `moved` keep their id and label under a new key."""

    added: int
    changed: int
    removed: int
    unchanged: int
    skipped: int
    moved: int = 0


_Known = Row[Any, Any, Any, Any, Any, Any, Any]
"""An item as the catalogue has it: key, id, size, mtime_ns, status, row, digest."""


@dataclass(slots=True)
class _Changes:
    """What one source's scan means for the catalogue.

    `kept` differ in nothing but their file times; `missing` are the rows that no file belongs to, `removed`
    the ids of those of them that were there before; `rows` are those of `changed`.
    """

    found: list[Found] = field(default_factory=list)
    skipped: dict[bytes, str] = field(default_factory=dict)
    new: list[Found] = field(default_factory=list)
    changed: list[tuple[int, Found]] = field(default_factory=list)
    kept: list[tuple[int, Found]] = field(default_factory=list)
    moved: list[tuple[int, Found]] = field(default_factory=list)
    returned: list[tuple[int, Found]] = field(default_factory=list)
    retry: list[int] = field(default_factory=list)
    removed: list[int] = field(default_factory=list)
    missing: list[_Known] = field(default_factory=list)
    rows: dict[int, _Known] = field(default_factory=dict)
    unchanged: int = 0


def reconcile(
    catalogue: Catalogue, piles: Sequence[Source], *, seed: int, retry_skipped: bool = False
) -> ScanReport:
    """Scan `piles` and write the differences in one transaction; planned shards never change afterwards.

    New items get the next ids in an order shuffled by `seed`, across all of `piles`. A file whose size or
    time differs is read: with its old digest it is unchanged, else its item is embedded anew under the same
    id and label. A new file with the digest of a missing one is that item, moved. Raises `WorkspaceError`
    when other processes change the items again and again meanwhile.
    """
    scans = [_scan(pile) for pile in piles]
    for _ in range(_TRIES):
        changes, seen = _compare(catalogue, piles, scans, retry_skipped=retry_skipped)
        with catalogue.write("items") as connection:
            if counter(connection, "items") == seen + 1:
                return _Writer(connection, piles, seed).write(changes)
            connection.rollback()
    raise WorkspaceError("the items change faster than they can be compared: is another process embedding?")


def replan(connection: Connection, ids: Sequence[int]) -> None:
    """Put items (ids, ascending) back to pending, in new shards, within the caller's transaction."""
    touched = counter(connection, "items")
    if not ids:
        return
    source_of = {id: source for id, source in connection.execute(select(items.c.id, items.c.source))}
    numbers = _plan(connection, [source_of[id] for id in ids])
    rows = [{"item": id, "new_shard": number} for id, number in zip(ids, numbers, strict=True)]
    pending = {"status": PENDING, "reason": None, "row": None, "touched": touched}
    _bulk(connection, _of_item().values(shard=bindparam("new_shard"), **pending), rows)


def _scan(pile: Source) -> _Changes:
    """List a pile; of a key that is listed twice, the first counts."""
    changes = _Changes()
    seen: set[bytes] = set()
    for thing in pile.scan():
        if thing.key in seen:
            continue
        seen.add(thing.key)
        if isinstance(thing, Skipped):
            changes.skipped[thing.key] = thing.reason
        else:
            changes.found.append(thing)
    return changes


def _compare(
    catalogue: Catalogue, piles: Sequence[Source], scans: Sequence[_Changes], *, retry_skipped: bool
) -> tuple[list[_Changes], int]:
    with catalogue.read() as connection:
        seen = counter(connection, "items")
        known = [_known(connection, pile.uri) for pile in piles]
    changes = [
        _differences(scan, rows, retry_skipped=retry_skipped) for scan, rows in zip(scans, known, strict=True)
    ]
    for pile, change in zip(piles, changes, strict=True):
        _settle_changed(pile, change)
        _settle_moved(pile, change)
    return changes, seen


def _known(connection: Connection, uri: str) -> dict[bytes, _Known]:
    c = items.c
    columns = (c.key, c.id, c.size, c.mtime_ns, c.status, c.row, c.digest)
    query = select(*columns).join(sources).where(sources.c.uri == uri)
    return {row[0]: row for row in connection.execute(query).all()}


def _differences(scan: _Changes, known: dict[bytes, _Known], *, retry_skipped: bool) -> _Changes:
    changes = _Changes(found=scan.found, skipped=scan.skipped)
    there: set[bytes] = set()
    for found in scan.found:
        there.add(found.key)
        row = known.get(found.key)
        if row is None:
            changes.new.append(found)
        elif (row.size, row.mtime_ns) != (found.size, found.mtime_ns):
            changes.changed.append((row.id, found))
            changes.rows[row.id] = row
        elif row.status == REMOVED:
            changes.returned.append((row.id, found))
        elif row.status == SKIPPED and retry_skipped:
            changes.retry.append(row.id)
        else:
            changes.unchanged += 1
    changes.missing = [row for key, row in known.items() if key not in there]
    changes.removed = [row.id for row in changes.missing if row.status != REMOVED]
    return changes


def _settle_changed(pile: Source, changes: _Changes) -> None:
    """Sort out the files whose time differs but whose bytes do not."""
    really: list[tuple[int, Found]] = []
    for id, found in changes.changed:
        row = changes.rows[id]
        same = row.size == found.size and row.row is not None and _digest(pile, found.key) == row.digest
        (changes.kept if same else really).append((id, found))
    changes.changed = really


def _settle_moved(pile: Source, changes: _Changes) -> None:
    """Recognise missing items among the new files: same size, same digest, each used once."""
    lost: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    for row in sorted(changes.missing, key=lambda row: row.id, reverse=True):
        if row.row is not None and row.digest:
            lost[row.size, row.digest].append(row.id)
    sizes = {size for size, _ in lost}
    new: list[Found] = []
    for found in sorted(changes.new, key=lambda found: found.key):
        digest = _digest(pile, found.key) if found.size in sizes else None
        twins = lost.get((found.size, digest)) if digest else None
        if twins:
            changes.moved.append((twins.pop(), found))
        else:
            new.append(found)
    changes.new = new
    moved = {id for id, _ in changes.moved}
    changes.removed = [id for id in changes.removed if id not in moved]


def _digest(pile: Source, key: bytes) -> bytes | None:
    """Return the digest that `Decoded` carries: BLAKE2b of the file, 16 bytes; None where unreadable."""
    try:
        return hashlib.blake2b(pile.read(key), digest_size=16).digest()
    except ItemError:
        return None


class _Writer:
    """Writes changes within one transaction."""

    def __init__(self, connection: Connection, piles: Sequence[Source], seed: int) -> None:
        self._connection = connection
        self._seed = seed
        self._touched = counter(connection, "items")
        self._sources = [_source_id(connection, pile.uri) for pile in piles]

    def write(self, changes: Sequence[_Changes]) -> ScanReport:
        """Write everything and report it."""
        again: list[int] = []
        for source, change in zip(self._sources, changes, strict=True):
            self._update_files(change.changed + change.kept + change.returned + change.moved)
            self._update([{"item": id, "new": REMOVED} for id in change.removed], status=bindparam("new"))
            again += self._revive([id for id, _ in change.kept + change.returned + change.moved])
            again += [id for id, _ in change.changed] + change.retry
            self._replace_oddities(source, change.skipped)
        replan(self._connection, sorted(set(again)))
        pairs = zip(self._sources, changes, strict=True)
        self._insert([(source, found) for source, change in pairs for found in change.new])
        return ScanReport(
            added=sum(len(change.new) + len(change.returned) for change in changes),
            changed=sum(len(change.changed) for change in changes),
            removed=sum(len(change.removed) for change in changes),
            unchanged=sum(change.unchanged + len(change.kept) + len(change.retry) for change in changes),
            skipped=sum(len(change.skipped) for change in changes),
            moved=sum(len(change.moved) for change in changes),
        )

    def _insert(self, new: list[tuple[int, Found]]) -> None:
        first = id_count(self._connection)
        new.sort(key=lambda pair: (pair[0], pair[1].key))
        order = np.random.default_rng([self._seed, first]).permutation(len(new)).tolist()
        numbers = _plan(self._connection, [new[place][0] for place in order])
        rows = (
            {
                "id": first + rank,
                "source": new[place][0],
                "key": new[place][1].key,
                "size": new[place][1].size,
                "mtime_ns": new[place][1].mtime_ns,
                "status": PENDING,
                "shard": numbers[rank],
                "touched": self._touched,
            }
            for rank, place in enumerate(order)
        )
        _bulk(self._connection, insert(items), rows)

    def _update_files(self, pairs: list[tuple[int, Found]]) -> None:
        rows = [
            {"item": id, "new_key": found.key, "new_size": found.size, "new_mtime": found.mtime_ns}
            for id, found in pairs
        ]
        self._update(
            rows, key=bindparam("new_key"), size=bindparam("new_size"), mtime_ns=bindparam("new_mtime")
        )

    def _revive(self, ids: list[int]) -> list[int]:
        """Give items their status back; return those that lost their place in a shard meanwhile."""
        c = items.c
        status = case((c.row.is_not(None), EMBEDDED), (c.reason.is_not(None), SKIPPED), else_=PENDING)
        self._update([{"item": id} for id in ids], status=status)
        lost = (
            select(c.id)
            .join(shards, c.shard == shards.c.number)
            .where(c.status == PENDING, shards.c.committed == 1)
        )
        return list(self._connection.scalars(lost)) if ids else []

    def _replace_oddities(self, source: int, skipped: dict[bytes, str]) -> None:
        self._connection.execute(delete(oddities).where(oddities.c.source == source))
        rows = ({"source": source, "key": key, "reason": reason} for key, reason in skipped.items())
        _bulk(self._connection, insert(oddities), rows)

    def _update(self, rows: Sequence[dict[str, Any]], **values: Any) -> None:
        _bulk(self._connection, _of_item().values(touched=self._touched, **values), rows)


def _of_item() -> Update:
    return update(items).where(items.c.id == bindparam("item"))


def _bulk(connection: Connection, statement: Executable, rows: Iterable[dict[str, Any]]) -> None:
    rows = iter(rows)
    while chunk := list(islice(rows, _CHUNK)):
        connection.execute(statement, chunk)


def _source_id(connection: Connection, uri: str) -> int:
    query = select(sources.c.id).where(sources.c.uri == uri)
    known = connection.scalar(query)
    if known is None:
        connection.execute(insert(sources), [{"uri": uri}])
        known = connection.scalar(query)
    return int(known or 0)


def _plan(connection: Connection, of_source: Sequence[int]) -> list[int]:
    """Make shards for items in this order, given each one's source; return each one's shard number.

    The first shards are small, so that the first map comes soon; a shard never mixes sources.
    """
    highest = connection.scalar(select(func.max(shards.c.number)))
    number = 0 if highest is None else int(highest) + 1
    numbers: list[int] = []
    sizes = iter(FIRST_SHARDS)
    while len(numbers) < len(of_source):
        window = of_source[len(numbers) : len(numbers) + next(sizes, SHARD_SIZE)]
        number_of = {source: number + rank for rank, source in enumerate(sorted(set(window)))}
        rows = [{"number": shard, "source": source} for source, shard in number_of.items()]
        connection.execute(insert(shards), rows)
        numbers += [number_of[source] for source in window]
        number += len(number_of)
    return numbers
