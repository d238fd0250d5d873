"""Labels as CSV (RFC 4180, UTF-8), safe to open in a spreadsheet.

A cell that a spreadsheet would take for a formula (it begins with = + - @, tab or carriage return) gets an
apostrophe in front, and so does one that begins with apostrophes and then that; reading takes one off again.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from shoal.formats.files import FileExport
from shoal.formats.rows import COLUMNS, LabelPair, LabelRow, iso_time, label_pair, path_text, utf8
from shoal.types import ShoalError


class CsvExport(FileExport):
    """One line per label: path, class, source, user, how, time (ISO 8601, UTC), seq, round, confidence."""

    media_type = "text/csv; charset=utf-8"

    def chunks(self, rows: list[LabelRow]) -> Iterable[bytes]:
        """Return the file, line by line."""
        yield csv_line(COLUMNS)
        for row in rows:
            yield csv_line(cells(row))


def cells(row: LabelRow) -> tuple[str, ...]:
    """Return what stands in the columns `COLUMNS`."""
    return (
        path_text(row),
        row.class_name,
        row.source,
        row.user,
        row.how,
        iso_time(row.time),
        str(row.seq),
        "" if row.round is None else str(row.round),
        "" if row.confidence is None else f"{row.confidence:.4f}",
    )


def csv_line(texts: Sequence[str]) -> bytes:
    """Return one line, guarded against formulas and quoted where it must be."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerow([guard(text) for text in texts])
    return utf8(buffer.getvalue())


def guard(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would run; `unguard` takes it off."""
    return f"'{text}" if re.match(r"'*[=+\-@\t\r]", text) else text


def unguard(text: str) -> str:
    """Read what `guard` wrote."""
    return text[1:] if re.match(r"'+[=+\-@\t\r]", text) else text


class CsvImport:
    """CSV with a header that has `path` and `class`; other columns are ignored."""

    def read(self, path: Path) -> Iterator[tuple[int, LabelPair | str]]:
        """Yield (line number, label or what is wrong); raise `ShoalError` where the header lacks a column."""
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            columns = _columns(path, reader)
            while True:
                number = reader.line_num + 1
                try:
                    row = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield number, f"not CSV: {error}"
                    continue
                if row:
                    yield number, _label(row, *columns)


def _columns(path: Path, reader: Iterator[list[str]]) -> tuple[int, int]:
    """Return where path and class stand."""
    try:
        header = [name.strip().lower() for name in next(reader, [])]
    except csv.Error as error:
        raise ShoalError(f"{path.name} is not CSV: {error}.") from error
    if header.count("path") != 1 or header.count("class") != 1:
        raise ShoalError(
            f"the first line of {path.name} must name the columns, with one 'path' and one 'class' among "
            f"them (UTF-8, parted by commas); it reads {','.join(header)[:200]!r}."
        )
    return header.index("path"), header.index("class")


def _label(row: list[str], path: int, class_name: int) -> LabelPair | str:
    if len(row) <= max(path, class_name):
        return f"{len(row)} cells, too few for a path and a class"
    return label_pair(unguard(row[path]), unguard(row[class_name]))
