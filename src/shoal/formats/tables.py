"""Columns beside a pile: a CSV or Parquet file with a path in each row, and what else is known about it."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shoal.formats.csv import unguard
from shoal.types import ShoalError

PATH = "path"
MOST_CATEGORIES = 10_000
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Table:
    """A path per row and the other columns as text, "" where there is nothing."""

    paths: Sequence[str]
    columns: dict[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class TypedColumn:
    """One column: values (N,) float32, NaN where nothing is known; of a category, its place in the table."""

    kind: str
    values: NDArray[np.float32]
    categories: Sequence[str]


def read_table(path: Path) -> Table:
    """Read a CSV or Parquet file; raises `ShoalError` where it cannot be read or has no column `path`."""
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise ShoalError(f"no columns come from {path.name!r}: its suffix must be one of .csv, .parquet.")
    try:
        columns = _parquet(path) if suffix == ".parquet" else _csv(path)
    except (OSError, csv.Error, UnicodeError) as error:
        raise ShoalError(f"the columns in {path} cannot be read: {error}.") from error
    own = [name for name in columns if name.strip().lower() == PATH]
    if len(own) != 1:
        raise ShoalError(
            f"{path.name} must have one column {PATH!r}, relative to the pile; "
            f"it has {', '.join(columns)[:200]}."
        )
    paths = columns.pop(own[0])
    if not columns:
        raise ShoalError(f"{path.name} has no column besides {PATH!r}.")
    return Table(paths, columns)


def typed(texts: Sequence[str]) -> TypedColumn:
    """Take texts for what all of them are: numbers, dates (ISO 8601), else categories.

    Dates become days since 1970-01-01, UTC where they name no zone.
    """
    given = [text for text in texts if text]
    for kind, parse in (("number", _number), ("date", _day)):
        known = {text: parse(text) for text in set(given)}
        if given and None not in known.values():
            values = np.array([known.get(text, np.nan) for text in texts], dtype=np.float32)
            return TypedColumn(kind, values, ())
    return categorical(texts)


def categorical(texts: Sequence[str]) -> TypedColumn:
    """Take texts for categories, the commonest first, "" for nothing known.

    Of more than 10,000 different ones the rarest share the last category, which says how many they are.
    """
    counts = Counter(text for text in texts if text)
    names = sorted(counts, key=lambda name: (-counts[name], name))
    place = {name: min(rank, MOST_CATEGORIES - 1) for rank, name in enumerate(names)}
    if len(names) > MOST_CATEGORIES:
        kept = names[: MOST_CATEGORIES - 1]
        names = [*kept, f"(others: {len(names) - len(kept):,} different)"]
    values = np.array([place.get(text, np.nan) for text in texts], dtype=np.float32)
    return TypedColumn("category", values, names)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _day(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() / DAY_S


def _csv(path: Path) -> dict[str, Sequence[str]]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        reader = csv.reader(stream, strict=True)
        header = [name.strip() for name in next(reader, [])]
        rows = [[unguard(cell).strip() for cell in row] for row in reader if row]
    return {
        name: [row[place] if place < len(row) else "" for row in rows]
        for place, name in enumerate(header)
        if name
    }


def _parquet(path: Path) -> dict[str, Sequence[str]]:
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path)
    return {
        name: ["" if value is None else _text(value) for value in table.column(name).to_pylist()]
        for name in table.column_names
    }


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
