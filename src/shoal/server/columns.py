"""Columns on the wire: a 16-byte header, then every column, little endian, 4 bytes a value."""

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MEDIA_TYPE = "application/vnd.shoal.columns"
_HEADER = struct.Struct("<4sHHII")


def pack(
    columns: Sequence[NDArray[np.uint32] | NDArray[np.int32] | NDArray[np.float32]], *, flags: int = 0
) -> bytes:
    """Join columns (N,) uint32, int32 or float32 behind the header `SHL1 | version | columns | N | flags`."""
    n = len(columns[0])
    assert all(len(column) == n and column.dtype.itemsize == 4 for column in columns)
    header = _HEADER.pack(b"SHL1", 1, len(columns), n, flags)
    return b"".join(
        [header, *(column.astype(column.dtype.newbyteorder("<")).tobytes() for column in columns)]
    )
