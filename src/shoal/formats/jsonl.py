"""Labels as JSON Lines: one object a line, UTF-8."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from shoal.formats.csv import cells
from shoal.formats.files import FileExport
from shoal.formats.rows import COLUMNS, LabelPair, LabelRow, label_pair, utf8


class JsonlExport(FileExport):
    """One object per label: path, class, source, user, how, time (ISO 8601, UTC), seq, round, confidence."""

    media_type = "application/x-ndjson"

    def chunks(self, rows: list[LabelRow]) -> Iterable[bytes]:
        """Return the file, line by line."""
        for row in rows:
            confidence = None if row.confidence is None else round(row.confidence, 4)
            numbers = {"seq": row.seq, "round": row.round, "confidence": confidence}
            record = {**dict(zip(COLUMNS, cells(row), strict=True)), **numbers}
            yield utf8(json.dumps(record, ensure_ascii=False)) + b"\n"


class JsonlImport:
    """Objects with `path` and `class`; other keys are ignored."""

    def read(self, path: Path) -> Iterator[tuple[int, LabelPair | str]]:
        """Yield (line number, label or what is wrong with the line); empty lines are passed over."""
        with path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                text = line.decode("utf-8-sig" if number == 1 else "utf-8", "surrogateescape").strip()
                if text:
                    yield number, _label(text)


def _label(text: str) -> LabelPair | str:
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        return f"not JSON: {error}"
    if not isinstance(record, dict) or not {"path", "class"} <= record.keys():
        return "not an object with the keys 'path' and 'class'"
    return label_pair(record["path"], record["class"])
