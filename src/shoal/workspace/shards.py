"""Shards: the units of embedding work, their vectors and thumbnails on disk, and reading them back."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, and_, bindparam, func, insert, select, update

from shoal.types import Embedding, Shard, ShardResult
from shoal.workspace import arrow, packs
from shoal.workspace.backbone import BackboneRow, made_by, read_backbones
from shoal.workspace.catalogue import Catalogue, counter
from shoal.workspace.errors import WorkspaceError
from shoal.workspace.files import Written, read_checked, unique_name, write_all
from shoal.workspace.items import EMBEDDED, PENDING, SKIPPED, Columns, ItemTable
from shoal.workspace.tables import files, items, shards, sources

VECTORS, THUMBNAILS = "vectors", "thumbnails"
FOLDERS = (VECTORS, THUMBNAILS)


@dataclass(frozen=True, slots=True)
class _Files:
    """Which file holds what: (kind, shard, layer or size) -> file. Grows with the shards."""

    seen: int
    table: dict[tuple[str, int, str], Written]


class ShardStore:
    """Plans, commits and reads shards. Files come first, then one transaction makes them exist."""

    def __init__(self, catalogue: Catalogue, table: ItemTable, root: Path) -> None:
        self._catalogue = catalogue
        self._items = table
        self._root = root
        self._lock = threading.Lock()
        self._files = _Files(-1, {})

    def pending(self) -> list[Shard]:
        """List the shards still to embed with their pending items, in order; the same after every kill."""
        c = items.c
        query = (
            select(c.shard, c.id, c.key)
            .join(shards, c.shard == shards.c.number)
            .where(shards.c.committed == 0, c.status == PENDING)
            .order_by(c.shard, c.id)
        )
        of_shard = select(shards.c.number, sources.c.uri).join(sources).where(shards.c.committed == 0)
        groups: dict[int, tuple[list[int], list[bytes]]] = {}
        with self._catalogue.read() as connection:
            uri_of = {number: uri for number, uri in connection.execute(of_shard)}
            for number, id, key in connection.execute(query):
                ids, keys = groups.setdefault(number, ([], []))
                ids.append(id)
                keys.append(key)
        return [
            Shard(number, np.array(ids, dtype=np.int64), keys, uri_of[number])
            for number, (ids, keys) in groups.items()
        ]

    def commit(self, shard: Shard, result: ShardResult) -> None:
        """Write the shard's files, then make them exist; does nothing for a shard that is committed already.

        Raises `WorkspaceError` when the result does not fit the shard or the backbone, or the disk refuses.
        """
        with self._catalogue.read() as connection:
            backbones = read_backbones(connection)
            if self._is_committed(connection, shard.number):
                return
        if not backbones:
            raise WorkspaceError("no backbone is known yet: call use_backbone before commit_shard.")
        _check(shard, result, backbones)
        written = self._write_files(shard, result, backbones) if len(result.ids) else []
        with self._catalogue.write("items") as connection:
            if not self._is_committed(connection, shard.number):
                _commit_rows(connection, shard, result, written)

    def lacking(self) -> list[Shard]:
        """List the committed shards without vectors of a layer that was added later, with their items."""
        with self._catalogue.read() as connection:
            layers = {layer for row in read_backbones(connection)[1:] for layer in row.layers}
            if not layers:
                return []
            full = (
                select(files.c.owner)
                .where(files.c.kind == VECTORS, files.c.part.in_(layers))
                .group_by(files.c.owner)
                .having(func.count() == len(layers))
            )
            c = items.c
            query = (
                select(c.shard, c.id, c.key, sources.c.uri)
                .join(shards, c.shard == shards.c.number)
                .join(sources, shards.c.source == sources.c.id)
                .where(shards.c.committed == 1, c.status == EMBEDDED, c.shard.not_in(full))
                .order_by(c.shard, c.id)
            )
            groups: dict[int, tuple[list[int], list[bytes], str]] = {}
            for number, id, key, uri in connection.execute(query):
                ids, keys, _ = groups.setdefault(number, ([], [], uri))
                ids.append(id)
                keys.append(key)
        return [
            Shard(number, np.array(ids, dtype=np.int64), keys, uri)
            for number, (ids, keys, uri) in groups.items()
        ]

    def add(self, shard: Shard, result: ShardResult) -> None:
        """Write a committed shard's vectors of the layers that were added since; others stay as they are.

        An item whose image could not be read again keeps zeros there.
        """
        with self._catalogue.read() as connection:
            own, *added = read_backbones(connection)
        ids = self._column(shard.number, own.layers[0], "id")
        rows = self._items.columns().row[result.ids]
        vectors: dict[str, NDArray[np.float16]] = {}
        for row in added:
            for layer, width in zip(row.layers, row.widths, strict=True):
                vectors[layer] = np.zeros((len(ids), width), np.float16)
                vectors[layer][rows] = result.vectors[layer]
        written = self._write(shard.number, self._encoded(shard.number, ids, vectors, added))
        with self._catalogue.write("items") as connection:
            there = select(files.c.part).where(files.c.kind == VECTORS, files.c.owner == shard.number)
            known = set(connection.scalars(there))
            fresh = [row for row in written if row["part"] not in known]
            if fresh:
                connection.execute(insert(files), fresh)

    def embedding(self, layer: str | None, ids: NDArray[np.integer] | None) -> Embedding:
        """Read the vectors (N, D) float16 of `ids`, or of all embedded items, ids ascending.

        Raises `WorkspaceError` for an unknown layer, for ids without vectors, and for damaged files by name.
        """
        with self._catalogue.read() as connection:
            backbones = read_backbones(connection)
        if not backbones:
            raise WorkspaceError(f"nothing is embedded in workspace {self._root} yet. Run `shoal map` first.")
        layer = backbones[0].layers[-1] if layer is None else layer
        backbone = made_by(backbones, layer)
        columns = self._items.columns()
        wanted = _embedded_ids(columns, ids)
        vectors = np.empty((len(wanted), backbone.widths[backbone.layers.index(layer)]), dtype=np.float16)
        numbers = columns.shard[wanted]
        for number, places in _groups(numbers):
            stored = self._vectors(int(number), layer)
            vectors[places] = stored[columns.row[wanted[places]]]
        name = backbone.name if backbone is backbones[0] else str((self._root / backbone.name).absolute())
        return Embedding(vectors, wanted, name, backbone.fingerprint, layer)

    def thumbnails(self, ids: Sequence[int] | NDArray[np.integer], size: int) -> list[bytes | None]:
        """Return the thumbnail of each of `ids` in the box of `size` px; None where missing or damaged."""
        columns = self._items.columns()
        wanted = np.asarray(ids, dtype=np.int64)
        known = np.flatnonzero((wanted >= 0) & (wanted < len(columns.row)))
        known = known[columns.row[wanted[known]] >= 0]
        found: list[bytes | None] = [None] * len(wanted)
        for number, places in _groups(columns.shard[wanted[known]]):
            file = self._file(THUMBNAILS, int(number), str(size))
            if file is not None:
                rows = columns.row[wanted[known[places]]].tolist()
                for place, data in zip(
                    known[places].tolist(), packs.read(self._root / file.name, rows), strict=True
                ):
                    found[place] = data
        return found

    def _vectors(self, number: int, layer: str) -> NDArray[np.float16]:
        return self._column(number, layer, "vector")

    def _column(self, number: int, layer: str, name: str) -> NDArray[Any]:
        file = self._file(VECTORS, number, layer)
        if file is None:
            raise WorkspaceError(
                f"the catalogue of {self._root} names no vectors of layer {layer!r}, shard {number}."
            )
        columns, _ = arrow.decode(read_checked(self._root, file), file.name)
        return columns[name]

    def _file(self, kind: str, number: int, part: str) -> Written | None:
        found = self._files.table.get((kind, number, part))
        if found is None and self._files.seen != self._items.columns().seen:
            self._refresh_files()
            found = self._files.table.get((kind, number, part))
        return found

    def _refresh_files(self) -> None:
        with self._lock, self._catalogue.read() as connection:
            seen = counter(connection, "items")
            rows = connection.execute(select(files).where(files.c.kind.in_(FOLDERS)))
            table = {(row.kind, row.owner, row.part): Written(row.name, row.bytes, row.crc32) for row in rows}
            self._files = _Files(seen, table)

    def _write_files(
        self, shard: Shard, result: ShardResult, backbones: Sequence[BackboneRow]
    ) -> list[dict[str, object]]:
        packed = []
        for size, thumbnails in result.thumbnails.items():
            name = unique_name(f"{THUMBNAILS}/{shard.number:06d}-{size}", ".pack")
            packed.append(_Named(THUMBNAILS, str(size), name, packs.encode(thumbnails)))
        vectors = self._encoded(shard.number, result.ids, result.vectors, backbones)
        return self._write(shard.number, [*vectors, *packed])

    def _encoded(
        self,
        number: int,
        ids: NDArray[np.int64],
        vectors: Mapping[str, NDArray[np.float16]],
        backbones: Sequence[BackboneRow],
    ) -> list["_Named"]:
        named: list[_Named] = []
        for backbone in backbones:
            provenance = {
                "backbone": backbone.name,
                "fingerprint": backbone.fingerprint,
                "shard": str(number),
            }
            for layer in backbone.layers:
                columns: dict[str, NDArray[Any]] = {"id": ids, "vector": vectors[layer]}
                # a layer may have any name, a file may not
                name = unique_name(f"{VECTORS}/{number:06d}-{len(named):02d}", ".arrow")
                data = arrow.encode(columns, {**provenance, "layer": layer})
                named.append(_Named(VECTORS, layer, name, data))
        return named

    def _write(self, number: int, named: Sequence["_Named"]) -> list[dict[str, object]]:
        written = write_all(self._root, [(one.name, one.data) for one in named])
        return [
            {"kind": one.kind, "owner": number, "part": one.part} | _as_row(file)
            for one, file in zip(named, written, strict=True)
        ]

    def _is_committed(self, connection: Connection, number: int) -> bool:
        committed = connection.scalar(select(shards.c.committed).where(shards.c.number == number))
        if committed is None:
            raise WorkspaceError(
                f"workspace {self._root} has planned no shard {number}: take one of pending_shards()."
            )
        return bool(committed)


@dataclass(frozen=True, slots=True)
class _Named:
    kind: str
    part: str
    name: str
    data: bytes


def _as_row(file: Written) -> dict[str, object]:
    return {"name": file.name, "bytes": file.bytes, "crc32": file.crc32}


def _commit_rows(
    connection: Connection, shard: Shard, result: ShardResult, written: list[dict[str, object]]
) -> None:
    touched = counter(connection, "items")
    connection.execute(update(shards).where(shards.c.number == shard.number).values(committed=1))
    if written:
        connection.execute(insert(files), written)
    # an item that went to another shard meanwhile changed its file: these vectors are not of it any more
    mine = and_(items.c.id == bindparam("item"), items.c.shard == shard.number)
    rows = [
        {"item": id, "new_row": row, "new_width": size[0], "new_height": size[1], "new_digest": digest}
        for row, (id, size, digest) in enumerate(
            zip(result.ids.tolist(), result.sizes.tolist(), result.digests, strict=True)
        )
    ]
    if rows:
        embed = (
            update(items)
            .where(mine)
            .values(
                row=bindparam("new_row"),
                width=bindparam("new_width"),
                height=bindparam("new_height"),
                digest=bindparam("new_digest"),
                reason=None,
                touched=touched,
            )
        )
        connection.execute(embed, rows)
    if result.failed:
        skip = update(items).where(mine).values(reason=bindparam("new_reason"), touched=touched)
        connection.execute(skip, [{"item": id, "new_reason": reason} for id, reason in result.failed])
    of_shard = (items.c.shard == shard.number) & (items.c.status == PENDING)
    connection.execute(update(items).where(of_shard, items.c.row.is_not(None)).values(status=EMBEDDED))
    connection.execute(update(items).where(of_shard, items.c.reason.is_not(None)).values(status=SKIPPED))


def _check(shard: Shard, result: ShardResult, backbones: Sequence[BackboneRow]) -> None:
    widths = {layer: width for row in backbones for layer, width in zip(row.layers, row.widths, strict=True)}
    answered = np.concatenate([np.asarray(result.ids, np.int64), [id for id, _ in result.failed]])
    count = len(result.ids)
    problem = ""
    if not np.array_equal(np.sort(answered), np.sort(shard.ids)):
        problem = "its ids and failed ids are not exactly the shard's ids, each once"
    elif set(result.vectors) != set(widths):
        problem = f"it has the layers {sorted(result.vectors)} instead of {sorted(widths)}"
    elif any(result.vectors[layer].shape != (count, width) for layer, width in widths.items()):
        shapes = {layer: vectors.shape for layer, vectors in result.vectors.items()}
        problem = f"its vectors have the shapes {shapes} instead of ({count}, D)"
    elif result.sizes.shape != (count, 2) or len(result.digests) != count:
        problem = f"its sizes and digests are not {count}"
    elif any(len(thumbnails) != count for thumbnails in result.thumbnails.values()):
        problem = f"its thumbnails are not {count} of each size"
    if problem:
        raise WorkspaceError(f"the result of shard {shard.number} does not fit it: {problem}.")


def _embedded_ids(columns: Columns, ids: NDArray[np.integer] | None) -> NDArray[np.int64]:
    embedded = columns.status == EMBEDDED
    if ids is None:
        return np.flatnonzero(embedded)
    wanted = np.unique(np.asarray(ids, dtype=np.int64))
    inside = (wanted >= 0) & (wanted < len(embedded))
    missing = wanted[~inside] if not inside.all() else wanted[~embedded[wanted]]
    if len(missing):
        raise WorkspaceError(
            f"{len(missing)} of the items asked for have no vectors, the first is {missing[0]}: not embedded "
            "yet, skipped, removed, or no item at all."
        )
    return wanted


def _groups(numbers: NDArray[np.int32]) -> list[tuple[int, NDArray[np.int64]]]:
    """Return each distinct number with the places (k,) where it stands."""
    order = np.argsort(numbers, kind="stable")
    distinct, starts = np.unique(numbers[order], return_index=True)
    return list(zip(distinct.tolist(), np.split(order, starts[1:]), strict=True)) if len(numbers) else []
