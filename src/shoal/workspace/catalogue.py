"""The catalogue: transactions on the tables that never lose what they acknowledged.

Everything that only SQLite understands is in this file; the other files speak SQLAlchemy Core.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    URL,
    Column,
    Connection,
    Engine,
    Index,
    Table,
    create_engine,
    event,
    func,
    inspect,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement
from sqlalchemy.sql.compiler import DDLCompiler

from shoal.workspace.errors import WorkspaceError
from shoal.workspace.tables import counters, meta, metadata

FILE_NAME = "catalogue.sqlite"
SCHEMA_VERSION = 2
SAFE_WAL = (3, 51, 3)
"""Older SQLite can lose commits in WAL mode when two connections write and checkpoint at once."""
BUSY_TIMEOUT_S = 30
TOPICS = ("items", "maps", "labels", "jobs")


class Catalogue:
    """Short transactions on one database that several processes and threads have open."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = folder / FILE_NAME
        self._module = newest_sqlite()
        self.safe_wal = self._module.sqlite_version_info >= SAFE_WAL
        self._engine = self._connect(self.path)
        self._writer = self._engine.execution_options(shoal_writes=True)
        # SQLite's own waiting is unfair between threads; between processes it is all there is
        self._one_writer = threading.RLock()

    @property
    def storage(self) -> str:
        """Say which SQLite stores the catalogue and how safely, in one line."""
        version = self._module.sqlite_version
        if self.safe_wal:
            return f"SQLite {version}, write-ahead log, synchronous=FULL"
        return (
            f"SQLite {version}, rollback journal, synchronous=EXTRA (slower: the write-ahead log of SQLite "
            "before 3.51.3 can lose commits; `pip install pysqlite3` brings a newer one)"
        )

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one committed state; raises `WorkspaceError` when that fails."""
        with self._explained("read"), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self, topic: str | None = None) -> Iterator[Connection]:
        """Give the one writing connection and commit at the end, or nothing at all when anything fails.

        The counter of `topic` grows with the commit. Raises `WorkspaceError` when the database is busy
        for more than 30 s, full, or damaged.
        """
        with self._one_writer, self._explained("write"), self._writer.begin() as connection:
            if topic:
                connection.execute(
                    update(counters).where(counters.c.topic == topic).values(value=counters.c.value + 1)
                )
            yield connection

    def create(self) -> None:
        """Make the tables where there are none, in one transaction."""
        with self.write() as connection:
            if inspect(connection).has_table("meta"):
                return
            metadata.create_all(connection)
            rows = {"schema": str(SCHEMA_VERSION), "uuid": uuid4().hex}
            connection.execute(meta.insert(), [{"key": key, "value": value} for key, value in rows.items()])
            connection.execute(counters.insert(), [{"topic": topic, "value": 0} for topic in TOPICS])

    def upgrade(self) -> None:
        """Add the tables, columns and indexes that a catalogue of an older Shoal lacks, in one transaction.

        Nothing is ever changed or taken away, so a new column must be nullable or have a server default.
        """
        with self.read() as connection:
            if not _lacking(connection) and _schema(connection) == SCHEMA_VERSION:
                return
        with self.write() as connection:
            for addition in _lacking(connection):
                connection.execute(addition)
            known = set(connection.scalars(select(counters.c.topic)))
            fresh = [{"topic": topic, "value": 0} for topic in TOPICS if topic not in known]
            if fresh:
                connection.execute(counters.insert(), fresh)
            connection.execute(update(meta).where(meta.c.key == "schema").values(value=str(SCHEMA_VERSION)))

    def uuid(self) -> str:
        """Return what tells this workspace from every other, wherever its folder is moved."""
        with self.read() as connection:
            return str(connection.scalar(select(meta.c.value).where(meta.c.key == "uuid")))

    def check_schema(self) -> None:
        """Raise `WorkspaceError` when this is no catalogue, or one of a newer Shoal."""
        with self.read() as connection:
            if not inspect(connection).has_table("meta"):
                raise WorkspaceError(
                    f"{self._folder} is not a workspace yet: its creation was interrupted. "
                    "Run the command that creates it again."
                )
            version = _schema(connection)
        if version > SCHEMA_VERSION:
            raise WorkspaceError(
                f"workspace {self._folder} was written by a newer Shoal (schema {version}; this one knows "
                f"up to {SCHEMA_VERSION}). Install the newer Shoal; nothing was changed."
            )

    def revision(self) -> int:
        """Return a number that grows with every commit to anything the page shows."""
        with self.read() as connection:
            return int(connection.scalar(select(func.sum(counters.c.value))) or 0)

    def quick_check(self) -> list[str]:
        """Return what SQLite itself finds damaged in the catalogue."""
        with self.read() as connection:
            rows = connection.exec_driver_sql("PRAGMA quick_check").scalars().all()
        return [str(row) for row in rows if row != "ok"]

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def _explained(self, verb: str) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            raise WorkspaceError(
                f"cannot {verb} the catalogue of {self._folder}: {cause}. Nothing was saved by this "
                f"step, what was saved before stays. {_advice(str(cause))}"
            ) from error

    def _connect(self, path: Path) -> Engine:
        engine = create_engine(
            URL.create("sqlite", database=str(path)),
            module=self._module,
            connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
            pool_size=8,
            max_overflow=56,
        )
        journal = "WAL" if self.safe_wal else "DELETE"

        def on_connect(connection: Any, _record: object) -> None:
            connection.isolation_level = None  # we say BEGIN ourselves
            mode = connection.execute(f"PRAGMA journal_mode={journal}").fetchone()[0]
            if mode.upper() != journal:
                raise WorkspaceError(
                    f"the catalogue of {self._folder} is in journal mode {mode}, which SQLite "
                    f"{self._module.sqlite_version} cannot use safely. Close every other Shoal "
                    "that has it open, or `pip install pysqlite3`."
                )
            connection.execute(f"PRAGMA synchronous={'FULL' if self.safe_wal else 'EXTRA'}")
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute("PRAGMA cache_size=-65536")  # 64 MB: a million keys arrive in shuffled order

        def on_begin(connection: Connection) -> None:
            writes = connection.get_execution_options().get("shoal_writes")
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

        event.listen(engine, "connect", on_connect)
        event.listen(engine, "begin", on_begin)
        return engine


def newest_sqlite() -> ModuleType:
    """Return the DB-API module with the newest SQLite of those installed."""
    modules: list[ModuleType] = [sqlite3]
    with suppress(ImportError):
        modules.append(import_module("pysqlite3"))
    return max(modules, key=lambda module: module.sqlite_version_info)


def counter(connection: Connection, topic: str) -> int:
    """Return how many commits have touched `topic`."""
    return int(connection.scalar(select(counters.c.value).where(counters.c.topic == topic)) or 0)


def _schema(connection: Connection) -> int:
    return int(connection.scalar(select(meta.c.value).where(meta.c.key == "schema")) or 0)


def _lacking(connection: Connection) -> list[ExecutableDDLElement]:
    """Return what would make the database hold everything that `metadata` names."""
    there = inspect(connection)
    tables = set(there.get_table_names())
    additions: list[ExecutableDDLElement] = []
    for table in metadata.sorted_tables:
        if table.name not in tables:
            additions += [CreateTable(table), *(CreateIndex(index) for index in _in_order(table))]
            continue
        columns = {column["name"] for column in there.get_columns(table.name)}
        additions += [_AddColumn(column) for column in table.columns if column.name not in columns]
        indexes = {index["name"] for index in there.get_indexes(table.name)}
        additions += [CreateIndex(index) for index in _in_order(table) if index.name not in indexes]
    return additions


def _in_order(table: Table) -> list[Index]:
    return sorted(table.indexes, key=lambda index: str(index.name))


class _AddColumn(ExecutableDDLElement):
    """`ALTER TABLE ... ADD COLUMN ...`, which SQLAlchemy Core does not have."""

    def __init__(self, column: Column[Any]) -> None:
        self.column = column


@compiles(_AddColumn)
def _add_column(element: _AddColumn, compiler: DDLCompiler, **_: Any) -> str:
    table = compiler.preparer.format_table(element.column.table)
    return f"ALTER TABLE {table} ADD COLUMN {compiler.get_column_specification(element.column)}"


def _advice(cause: str) -> str:
    if "full" in cause:
        return "Free some space on its disk, then run the same command again."
    if "locked" in cause:
        return "Another process is writing; try again."
    if "malformed" in cause or "not a database" in cause:
        return "The file is damaged: restore it from a backup."
    return "Check the disk and the folder's permissions."
