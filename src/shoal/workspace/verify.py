"""Find every damaged or missing file, and set damaged vectors and thumbnails aside."""

import zlib
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, delete, select, update

from shoal.workspace import maps, rounds, shards
from shoal.workspace.catalogue import Catalogue
from shoal.workspace.errors import WorkspaceError
from shoal.workspace.files import remove, unreferenced
from shoal.workspace.items import EMBEDDED
from shoal.workspace.labels import LabelLog
from shoal.workspace.reconcile import replan
from shoal.workspace.tables import files, items
from shoal.workspace.tables import maps as map_rows
from shoal.workspace.tables import rounds as round_rows

_CHUNK = 1 << 20


def verify(catalogue: Catalogue, labels: LabelLog, root: Path) -> list[str]:
    """List everything that is wrong, each with what it holds; an empty list is a sound workspace."""
    problems = [
        f"{catalogue.path.name}: the catalogue of items, maps and labels: {text}"
        for text in _in_sql(catalogue)
    ]
    with catalogue.read() as connection:
        problems += [text for _, _, text in _damaged(connection, root)]
        problems += _without_files(connection)
    try:
        labels.at(labels.seq())
    except WorkspaceError as error:
        problems.append(str(error))
    return problems


def leftovers(catalogue: Catalogue, root: Path, folders: Sequence[str]) -> list[str]:
    """List files that no row names: left by a kill, or being written right now; they are removed in time."""
    with catalogue.read() as connection:
        named = set(connection.scalars(select(files.c.name)))
    return list(unreferenced(root, folders, named))


def repair(catalogue: Catalogue, root: Path) -> int:
    """Put the items of damaged shards back to pending, forget damaged maps and rounds; return how many.

    Vectors, thumbnails and maps can be made anew from the images, rounds from the labels, which are never
    touched.
    """
    with catalogue.write("items") as connection:
        damaged = [(kind, owner) for kind, owner, _ in _damaged(connection, root)]
        numbers = {owner for kind, owner in damaged if kind in shards.FOLDERS}
        of_shards = items.c.shard.in_(numbers)
        again = connection.scalars(
            select(items.c.id).where(of_shards, items.c.status == EMBEDDED).order_by(items.c.id)
        )
        replan(connection, list(again))
        connection.execute(update(items).where(of_shards).values(row=None))
        names = _forget(connection, files.c.kind.in_(shards.FOLDERS) & files.c.owner.in_(numbers))
    lost_maps = [owner for kind, owner in damaged if kind == maps.FOLDER]
    if lost_maps:
        with catalogue.write("maps") as connection:
            names += _forget(connection, (files.c.kind == maps.FOLDER) & files.c.owner.in_(lost_maps))
            connection.execute(delete(map_rows).where(map_rows.c.id.in_(lost_maps)))
    lost_rounds = [owner for kind, owner in damaged if kind == rounds.FOLDER]
    if lost_rounds:
        with catalogue.write("maps") as connection:
            names += _forget(connection, (files.c.kind == rounds.FOLDER) & files.c.owner.in_(lost_rounds))
            connection.execute(delete(round_rows).where(round_rows.c.id.in_(lost_rounds)))
    remove(root, names)
    return len(damaged)


def _forget(connection: Connection, chosen: ColumnElement[bool]) -> list[str]:
    """Delete the rows of some files and return their names, to be removed once that is committed."""
    names = list(connection.scalars(select(files.c.name).where(chosen)))
    connection.execute(delete(files).where(chosen))
    return names


def _in_sql(catalogue: Catalogue) -> list[str]:
    try:
        return catalogue.quick_check()
    except WorkspaceError as error:
        return [str(error)]


def _damaged(connection: Connection, root: Path) -> list[tuple[str, int, str]]:
    """List (kind, owner, sentence) of each file that is missing or differs from its row."""
    found: list[tuple[str, int, str]] = []
    for row in connection.execute(select(files).order_by(files.c.id)):
        problem = _problem(root / row.name, row.bytes, row.crc32)
        if problem:
            found.append(
                (row.kind, row.owner, f"{row.name}: {_holds(row.kind, row.owner, row.part)}: {problem}")
            )
    return found


def _problem(path: Path, length: int, crc32: int) -> str:
    """Say what is wrong with a file, reading it piece by piece; empty when nothing is."""
    seen = checksum = 0
    try:
        with open(path, "rb", buffering=0) as stream:
            while piece := stream.read(_CHUNK):
                seen += len(piece)
                checksum = zlib.crc32(piece, checksum)
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return f"unreadable ({error.strerror or error})"
    if seen != length:
        return f"damaged, {seen} bytes instead of {length}"
    return "" if checksum == crc32 else "damaged, its checksum differs"


def _holds(kind: str, owner: int, part: str) -> str:
    return {
        shards.VECTORS: f"vectors of layer {part!r}, shard {owner}",
        shards.THUMBNAILS: f"thumbnails of {part} px, shard {owner}",
        maps.FOLDER: f"map {owner}",
        rounds.FOLDER: f"{part} of round {owner}",
    }.get(kind, kind)


def _without_files(connection: Connection) -> list[str]:
    """List shards that embedded items point to although no vectors of them are named."""
    used = select(items.c.shard).where(items.c.status == EMBEDDED).distinct()
    named = set(connection.scalars(select(files.c.owner).where(files.c.kind == shards.VECTORS).distinct()))
    return [
        f"shard {number}: its items are embedded, but no row names its vectors"
        for number in connection.scalars(used)
        if number not in named
    ]
