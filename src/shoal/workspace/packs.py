"""Thumbnail packs: many small JPEGs and WebPs in one file, each found, checked and read on its own.

Layout, little endian: `b"SHTP"`, u32 version, u32 count, then per thumbnail u64 offset, u32 length,
u32 CRC-32, then the u32 CRC-32 of all before, then the pictures. Length 0: there is no thumbnail.
"""

import os
import struct
import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shoal.workspace.errors import WorkspaceError

_HEAD = struct.Struct("<4sII")
_MAGIC, _VERSION = b"SHTP", 1
_ENTRY = np.dtype([("offset", "<u8"), ("length", "<u4"), ("crc32", "<u4")])
_MOST = 1 << 22
"""No shard holds so many thumbnails: a larger count is damage, and must not make us read gigabytes."""


def encode(thumbnails: Sequence[bytes]) -> bytes:
    """Return the pack of `thumbnails`, in their order."""
    index = np.zeros(len(thumbnails), dtype=_ENTRY)
    index["length"] = [len(data) for data in thumbnails]
    index["crc32"] = [zlib.crc32(data) for data in thumbnails]
    start = _HEAD.size + index.nbytes + 4
    index["offset"] = start + np.cumsum(index["length"], dtype=np.uint64) - index["length"]
    head = _HEAD.pack(_MAGIC, _VERSION, len(thumbnails)) + index.tobytes()
    return b"".join([head, struct.pack("<I", zlib.crc32(head)), *thumbnails])


def read(path: Path, rows: Iterable[int]) -> list[bytes | None]:
    """Return the thumbnails at `rows` of the pack at `path`; None for each that is missing or damaged."""
    wanted = list(rows)
    try:
        index = _index(str(path))
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (OSError, WorkspaceError):
        return [None] * len(wanted)
    try:
        return [_read_one(descriptor, index, row) for row in wanted]
    finally:
        os.close(descriptor)


def _read_one(descriptor: int, index: NDArray[np.void], row: int) -> bytes | None:
    if not 0 <= row < len(index):
        return None
    offset, length, crc32 = index[row].item()
    try:
        data = os.pread(descriptor, length, offset)
    except OSError:
        return None
    return data if length and len(data) == length and zlib.crc32(data) == crc32 else None


@lru_cache(maxsize=512)
def _index(path: str) -> NDArray[np.void]:
    """Return the pack's checked index; pack names are never used twice, so it can be kept."""
    with open(path, "rb") as stream:
        head = stream.read(_HEAD.size)
        if len(head) != _HEAD.size:
            raise WorkspaceError(f"{path} is no thumbnail pack: it ends within its head.")
        magic, version, count = _HEAD.unpack(head)
        if magic != _MAGIC or version != _VERSION or count > _MOST:
            raise WorkspaceError(f"{path} is no thumbnail pack that this Shoal can read.")
        table = stream.read(count * _ENTRY.itemsize + 4)
    if len(table) != count * _ENTRY.itemsize + 4:
        raise WorkspaceError(f"{path} is damaged: its index is cut off.")
    if zlib.crc32(head + table[:-4]) != struct.unpack("<I", table[-4:])[0]:
        raise WorkspaceError(f"{path} is damaged: the checksum of its index differs.")
    return np.frombuffer(table[:-4], dtype=_ENTRY)
