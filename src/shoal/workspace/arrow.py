"""Arrow IPC in memory: one record batch with its provenance as metadata. Checksums are the caller's work."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.workspace.errors import WorkspaceError


def encode(columns: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> bytes:
    """Encode columns (N,) or (N, D) as one Arrow IPC file; the second kind becomes lists of fixed size D."""
    import pyarrow as pa

    arrays = {name: _to_arrow(values) for name, values in columns.items()}
    batch = pa.record_batch(arrays)
    schema = batch.schema.with_metadata(dict(metadata))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, schema) as writer:
        writer.write_batch(batch.cast(schema))
    return bytes(sink.getvalue())


def decode(data: bytes, name: str) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Return the columns, without copying, and the metadata; raise `WorkspaceError` naming file `name`."""
    import pyarrow as pa

    try:
        batch = pa.ipc.open_file(pa.BufferReader(data)).get_batch(0)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise WorkspaceError(f"{name} is not the Arrow file it should be: {error}.") from error
    columns = {field.name: _to_numpy(batch.column(field.name)) for field in batch.schema}
    metadata = {key.decode(): value.decode() for key, value in (batch.schema.metadata or {}).items()}
    return columns, metadata


def _to_arrow(values: NDArray[Any]) -> Any:
    import pyarrow as pa

    flat = pa.array(np.ascontiguousarray(values).reshape(-1))
    return flat if values.ndim == 1 else pa.FixedSizeListArray.from_arrays(flat, values.shape[1])


def _to_numpy(column: Any) -> NDArray[Any]:
    import pyarrow as pa

    if isinstance(column, pa.FixedSizeListArray):
        width = column.type.list_size
        values: NDArray[Any] = column.flatten().to_numpy(zero_copy_only=True).reshape(-1, width)
        return values
    plain: NDArray[Any] = column.to_numpy(zero_copy_only=True)
    return plain
