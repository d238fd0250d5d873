"""What is known about each item besides its label: from its file, and from tables beside the pile."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shoal.formats import LabelPair, match_paths
from shoal.formats.tables import categorical, read_table, typed
from shoal.types import ShoalError
from shoal.workspace import Items, Workspace

NS_PER_DAY = 86_400e9
FIRST_OWN = 100
"""Imported columns have their row's id plus this; smaller numbers are facts of the files."""

Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of metadata. `kind` is category, number or date; categories' values are places."""

    id: int
    name: str
    kind: str
    categories: Sequence[str]
    origin: str


_FACTS = (
    (1, "Folder", "category"),
    (2, "Type", "category"),
    (3, "Date", "date"),
    (4, "Width", "number"),
    (5, "Height", "number"),
    (6, "Aspect", "number"),
    (7, "File size (kB)", "number"),
)


class Columns:
    """The columns of a workspace, facts of the files first; what the files tell is kept until they change."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._paths: tuple[Items | None, dict[int, tuple[Values, list[str]]]] = (None, {})

    def known(self) -> list[Column]:
        """List every column."""
        parts = self._of_paths()
        facts = [
            Column(id, name, kind, parts[id][1] if id in parts else (), "the files")
            for id, name, kind in _FACTS
        ]
        own = [
            Column(FIRST_OWN + row.id, row.name, row.kind, row.categories, row.origin)
            for row in self._workspace.columns.rows()
        ]
        return facts + own

    def values(self, id: int) -> Values:
        """Return a column's values (N,) float32 by item id, NaN where nothing is known.

        Numbers are themselves, dates days since 1970-01-01 UTC, categories their place in the column's table.
        Raises `ShoalError` when there is no such column.
        """
        total = len(self._workspace.items)
        if id >= FIRST_OWN:
            own = self._workspace.columns.values(id - FIRST_OWN)[:total]
            return np.concatenate([own, np.full(total - len(own), np.nan, np.float32)])
        if id in (1, 2):
            return self._of_paths()[id][0]
        if id in (3, 7):
            files = self._workspace.files()
            values = files.mtime_ns / NS_PER_DAY if id == 3 else files.size / 1000.0
            return np.asarray(values, dtype=np.float32)
        if id not in (4, 5, 6):
            raise ShoalError(f"there is no column {id}.")
        sizes = self._workspace.sizes().astype(np.float32)
        sizes[sizes == 0] = np.nan
        pick: Values = sizes[:, 0] / sizes[:, 1] if id == 6 else sizes[:, id - 4]
        return pick

    def _of_paths(self) -> dict[int, tuple[Values, list[str]]]:
        items = self._workspace.items
        if self._paths[0] is not items:
            sources = items.sources if len(set(items.sources)) > 1 else [""] * len(items)
            parts = [name.rpartition("/") for name in items.names]
            # Few folders for many items: each is put together once.
            folder_of = {place: _folder(*place) for place in {*zip(map(_first, parts), sources, strict=True)}}
            folders = [folder_of[inner, source] for (inner, _, _), source in zip(parts, sources, strict=True)]
            types = [_type(last) for _, _, last in parts]
            self._paths = (items, {1: _categories(folders), 2: _categories(types)})
        return self._paths[1]


def _first(parts: tuple[str, str, str]) -> str:
    return parts[0]


def _folder(inner: str, source: str) -> str:
    """Return what to call the folder `inner`; with several sources, the last part of the source before it."""
    outer = source.rstrip("/").rpartition("/")[2]
    return "/".join(part for part in (outer, inner) if part) or "(top)"


def _type(name: str) -> str:
    """Return a file name's ending in lower case, without its dot; what only begins with a dot has none."""
    stem, _, ending = name.rpartition(".")
    return ending.lower() if stem else ""


def _categories(texts: Sequence[str]) -> tuple[Values, list[str]]:
    column = categorical(texts)
    return column.values, list(column.categories)


def import_columns(workspace: Workspace, file: Path) -> tuple[list[str], int, list[str]]:
    """Read the columns of a CSV or Parquet file; return their names, how many items have them, what had none.

    Rows are matched by their `path` as labels are. Raises `ShoalError` where the file cannot be read or
    names no item.
    """
    table = read_table(file)
    items = workspace.items
    names = {int(item): items.names[item] for item in items.ids[items.status != "removed"]}
    # A row stands for itself as a class does: two rows that name one item contradict each other.
    matched, unmatched = match_paths(
        [LabelPair(path, str(row)) for row, path in enumerate(table.paths)], names
    )
    if not matched:
        raise ShoalError(
            f"{file} names no item of {workspace.path}; its `path` column must hold paths "
            "relative to the pile."
        )
    ids = np.array(list(matched), dtype=np.int64)
    rows = np.array([int(row) for row in matched.values()], dtype=np.int64)
    for name, texts in table.columns.items():
        column = typed([texts[row] for row in rows])
        values = np.full(len(items), np.nan, dtype=np.float32)
        values[ids] = column.values
        workspace.columns.save(name, column.kind, values, categories=column.categories, origin=file.name)
    return list(table.columns), len(ids), unmatched
