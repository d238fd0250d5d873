"""What travels between the pool and its workers: lengths and raw bytes, nothing that could run."""

import socket
import struct

import numpy as np
from numpy.typing import NDArray

from shoal.images.decode import BOXES
from shoal.types import Decoded

READY = b"R"
REQUEST = struct.Struct("<Q")
"""The length of the image file that follows."""

REPLY = struct.Struct(f"<BII16s{len(BOXES)}I")
"""Status, width, height, digest, the length of each thumbnail; then the pixels and the thumbnails.

When the status is `FAILED` the first length is that of the reason, which is all that follows.
"""
DECODED, FAILED = 0, 1


def send_request(connection: socket.socket, data: bytes) -> None:
    """Send the bytes of one image file."""
    connection.sendall(REQUEST.pack(len(data)))
    connection.sendall(data)


def receive_request(connection: socket.socket) -> bytes:
    """Return the bytes of one image file; raise `EOFError` when the pool is gone."""
    (length,) = REQUEST.unpack(_receive_all(connection, REQUEST.size))
    return _receive_all(connection, length)


def send_decoded(connection: socket.socket, decoded: Decoded) -> None:
    """Send one decoded image."""
    lengths = [len(decoded.thumbnails[box]) for box in BOXES]
    header = REPLY.pack(DECODED, decoded.width, decoded.height, decoded.digest, *lengths)
    thumbnails = (decoded.thumbnails[box] for box in BOXES)
    connection.sendall(b"".join((header, decoded.pixels.tobytes(), *thumbnails)))


def send_failed(connection: socket.socket, reason: str) -> None:
    """Send the reason why there is no decoded image."""
    text = reason.encode("utf-8", "replace")
    header = REPLY.pack(FAILED, 0, 0, b"", len(text), *(0,) * (len(BOXES) - 1))
    connection.sendall(header + text)


def receive_reply(connection: socket.socket, side: int) -> Decoded | str:
    """Return the decoded image, its pixels (side, side, 3), or the reason why there is none.

    Raise `EOFError` when the worker is gone, `TimeoutError` when the connection's time is up.
    """
    header = bytearray(REPLY.size)
    _receive_into(connection, memoryview(header))
    status, width, height, digest, *lengths = REPLY.unpack(header)
    if status == FAILED:
        text = bytearray(lengths[0])
        _receive_into(connection, memoryview(text))
        return text.decode("utf-8", "replace")
    pixels: NDArray[np.uint8] = np.empty((side, side, 3), np.uint8)
    _receive_into(connection, pixels.reshape(-1).data)
    packed = bytearray(sum(lengths))
    _receive_into(connection, memoryview(packed))
    ends = np.cumsum(lengths).tolist()
    thumbnails = {
        box: bytes(packed[end - length : end]) for box, length, end in zip(BOXES, lengths, ends, strict=True)
    }
    return Decoded(pixels=pixels, thumbnails=thumbnails, width=width, height=height, digest=digest)


def _receive_into(connection: socket.socket, view: memoryview) -> None:
    while view:
        count = connection.recv_into(view)
        if not count:
            raise EOFError
        view = view[count:]


def _receive_all(connection: socket.socket, length: int) -> bytes:
    """Return exactly `length` bytes without ever holding them twice."""
    data = connection.recv(length, socket.MSG_WAITALL) if length else b""
    if len(data) != length:
        raise EOFError
    return data
