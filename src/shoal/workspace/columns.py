"""Metadata columns that came from beside the pile: one value per item, compressed, one row each."""

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, insert, select

from shoal.workspace.catalogue import Catalogue
from shoal.workspace.errors import WorkspaceError
from shoal.workspace.tables import columns

KINDS = ("category", "number", "date")


@dataclass(frozen=True, slots=True)
class ColumnRow:
    """One column without its values: `origin` says which file it came from."""

    id: int
    name: str
    kind: str
    categories: tuple[str, ...]
    origin: str


class ColumnStore:
    """Saves and reads columns by item id."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def save(
        self, name: str, kind: str, values: NDArray[np.floating], *, categories: Sequence[str], origin: str
    ) -> int:
        """Save a column in the place of one of the same name and return its id.

        values (N,) float32 by item id, NaN where nothing is known: a number, a day since 1970-01-01 (UTC), or
        the place in `categories`. Raises `WorkspaceError` for another kind.
        """
        if kind not in KINDS:
            raise WorkspaceError(f"a column cannot be of the kind {kind!r}; it is one of {', '.join(KINDS)}.")
        row = {
            "name": name,
            "kind": kind,
            "categories": json.dumps(list(categories)),
            "origin": origin,
            "content": zlib.compress(np.asarray(values, dtype="<f4").tobytes(), 1),
        }
        with self._catalogue.write("items") as connection:
            connection.execute(delete(columns).where(columns.c.name == name))
            id: int = connection.execute(insert(columns).values(row).returning(columns.c.id)).scalar_one()
            return id

    def rows(self) -> list[ColumnRow]:
        """List the columns in the order they came."""
        c = columns.c
        query = select(c.id, c.name, c.kind, c.categories, c.origin).order_by(c.id)
        with self._catalogue.read() as connection:
            rows = connection.execute(query).all()
        return [
            ColumnRow(row.id, row.name, row.kind, tuple(json.loads(row.categories)), row.origin)
            for row in rows
        ]

    def values(self, id: int) -> NDArray[np.float32]:
        """Return a column's values (N,) by item id, NaN where nothing is known.

        Items that were found since have none: N may be less than there are items. Raises `WorkspaceError`
        when there is no such column.
        """
        with self._catalogue.read() as connection:
            content = connection.scalar(select(columns.c.content).where(columns.c.id == int(id)))
        if content is None:
            raise WorkspaceError(f"there is no column {id}.")
        return np.frombuffer(zlib.decompress(content), dtype="<f4")
