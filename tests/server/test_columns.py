"""The wire format, byte by byte."""

import numpy as np

from shoal.server.columns import pack


def test_two_items_by_hand():
    got = pack([np.array([1, 2**31], dtype=np.uint32), np.array([0.5, -1], dtype=np.float32)], flags=7)
    assert got[:16] == b"SHL1" + b"\x01\x00" + b"\x02\x00" + b"\x02\0\0\0" + b"\x07\0\0\0"
    assert got[16:] == b"\x01\0\0\0" + b"\0\0\0\x80" + b"\0\0\0\x3f" + b"\0\0\x80\xbf"


def test_big_endian_and_strided_columns_come_out_little_and_dense():
    wide = np.arange(6, dtype=">i4").reshape(3, 2)
    assert np.frombuffer(pack([wide[:, 1]])[16:], "<i4").tolist() == [1, 3, 5]


def test_no_items():
    assert pack([np.array([], dtype=np.int32)]) == b"SHL1\x01\0\x01\0" + bytes(8)
