"""Labels as a Parquet table."""

import io
from collections.abc import Iterable

from shoal.formats.files import FileExport
from shoal.formats.rows import LabelRow, path_text, utf8


class ParquetExport(FileExport):
    """Columns path, class, source, user, how (text), time (ms, UTC), seq, round (int64), confidence."""

    media_type = "application/vnd.apache.parquet"

    def chunks(self, rows: list[LabelRow]) -> Iterable[bytes]:
        """Return the file, in one piece."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        def text(values: Iterable[str]) -> pa.Array:
            return pa.array([utf8(value).decode() for value in values], pa.string())

        table = pa.table(
            {
                "path": text(path_text(row) for row in rows),
                "class": text(row.class_name for row in rows),
                "source": text(row.source for row in rows),
                "user": text(row.user for row in rows),
                "how": text(row.how for row in rows),
                "time": pa.array([round(row.time * 1000) for row in rows], pa.timestamp("ms", "UTC")),
                "seq": pa.array([row.seq for row in rows], pa.int64()),
                "round": pa.array([row.round for row in rows], pa.int64()),
                "confidence": pa.array([row.confidence for row in rows], pa.float32()),
            }
        )
        buffer = io.BytesIO()
        pq.write_table(table, buffer)
        yield buffer.getvalue()
