"""The pool: in order, bounded, and no file can take more than itself down."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.hostile import encoded, picture

from shoal.images.decode import decode
from shoal.images.pool import DecodePool
from shoal.images.supervisor import PoolError
from shoal.types import Decoded, ImageInput, ItemError

INPUT = ImageInput(size=32, resize=36)

EVIL = """
import ctypes, os, signal
import shoal.images.decode as module

real = module.decode

def decode(data, *, image_input):
    if data == b"crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if data == b"hang":
        ctypes.PyDLL(None).sleep(1000)  # holds the interpreter's lock, as a decoder may
    if data.startswith(b"once:") and not os.path.exists(data[5:]):
        open(data[5:], "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return real(image if data.startswith(b"once:") else data, image_input=image_input)

image = bytes.fromhex("{image}")
module.decode = decode
"""


@pytest.fixture
def evil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers whose decoder crashes, hangs and dies on request."""
    (tmp_path / "sitecustomize.py").write_text(EVIL.replace("{image}", jpeg(0).hex()))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def jpeg(shade: int) -> bytes:
    return encoded(picture(40 + shade, 30), "JPEG")


def files(count: int) -> dict[bytes, bytes]:
    return {b"%d" % k: jpeg(k) for k in range(count)}


def pool(read: Callable[[bytes], bytes], **options: object) -> DecodePool:
    return DecodePool(read, INPUT, **options)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_everything_in_order_and_the_same_as_in_process(workers: int) -> None:
    made = files(40)
    with pool(made.__getitem__, workers=workers, prefetch=5) as decoders:
        outcomes = list(decoders.decode(list(made)))
    assert [position for position, _ in outcomes] == list(range(40))
    for (_, outcome), data in zip(outcomes, made.values(), strict=True):
        want = decode(data, image_input=INPUT)
        assert isinstance(outcome, Decoded)
        assert np.array_equal(outcome.pixels, want.pixels)
        assert outcome.thumbnails == want.thumbnails
        assert (outcome.width, outcome.height, outcome.digest) == (want.width, want.height, want.digest)


def test_a_pool_without_workers_is_refused() -> None:
    with pytest.raises(PoolError, match="at least one"):
        pool(files(1).__getitem__, workers=0)


def test_nothing_to_do_and_many_calls() -> None:
    made = files(3)
    with pool(made.__getitem__) as decoders:
        assert list(decoders.decode([])) == []
        for _ in range(3):
            assert [position for position, _ in decoders.decode(list(made))] == [0, 1, 2]


def test_a_file_that_cannot_be_read_or_decoded_costs_itself() -> None:
    def read(key: bytes) -> bytes:
        if key == b"gone":
            raise ItemError("gone away")
        if key == b"broken":
            raise OSError("input/output error")
        return b"" if key == b"empty" else jpeg(1)

    keys = [b"gone", b"a", b"broken", b"empty", b"b", b"gone"]
    with pool(read) as decoders:
        outcomes = [outcome for _, outcome in decoders.decode(keys)]
    assert outcomes[0] == outcomes[5] == "gone away"
    assert "input/output" in str(outcomes[2])
    assert "empty" in str(outcomes[3])
    assert all(isinstance(outcomes[k], Decoded) for k in (1, 4))


@pytest.mark.usefixtures("evil")
def test_a_crash_costs_one_file() -> None:
    made = files(20) | {b"7": b"crash", b"12": b"crash"}
    with pool(made.__getitem__) as decoders:
        outcomes = dict(decoders.decode(list(made)))
    assert {at for at, outcome in outcomes.items() if isinstance(outcome, str)} == {7, 12}
    assert outcomes[7] == "the decoder crashed on it"


@pytest.mark.usefixtures("evil")
def test_a_hang_costs_one_file_and_its_time() -> None:
    made = files(20) | {b"3": b"hang"}
    began = time.monotonic()
    with pool(made.__getitem__, timeout_s=3) as decoders:
        outcomes = dict(decoders.decode(list(made)))
    assert {at for at, outcome in outcomes.items() if isinstance(outcome, str)} == {3}
    assert outcomes[3] == "decoding it took longer than 3 s"
    assert time.monotonic() - began < 30


@pytest.mark.usefixtures("evil")
def test_a_worker_lost_to_something_else_costs_nothing(tmp_path: Path) -> None:
    made = files(6) | {b"2": b"once:" + os.fsencode(tmp_path / "marker")}
    with pool(made.__getitem__) as decoders:
        assert all(isinstance(outcome, Decoded) for _, outcome in decoders.decode(list(made)))


def test_memory_is_limited() -> None:
    swelling = encoded(picture(16, 16).resize((3000, 2500)), "PNG", compress_level=1)
    made = {b"swelling": swelling, b"fine": jpeg(1)}
    with pool(made.__getitem__, memory_bytes=24 * 1024**2) as decoders:
        first, second = (outcome for _, outcome in decoders.decode(list(made)))
    assert "memory" in str(first)
    assert isinstance(second, Decoded)
    with pool(made.__getitem__, memory_bytes=len(swelling)) as decoders:
        assert "more than a decoder may hold" in str(next(decoders.decode([b"swelling"]))[1])
    with pool(made.__getitem__) as decoders:
        assert isinstance(next(decoders.decode([b"swelling"]))[1], Decoded)


def test_reading_stays_a_bounded_way_ahead() -> None:
    reads = 0
    data = jpeg(1)

    def read(key: bytes) -> bytes:
        nonlocal reads
        reads += 1
        return data

    with pool(read, prefetch=8) as decoders:
        outcomes = decoders.decode([b"k"] * 200)
        for _ in range(3):
            next(outcomes)
        time.sleep(1.0)
        assert 3 <= reads <= 3 + 8
        assert len(list(outcomes)) == 197


def test_a_call_left_half_way_leaves_the_pool_usable() -> None:
    made = files(30)
    with pool(made.__getitem__) as decoders:
        for _ in range(3):
            outcomes = decoders.decode(list(made))
            next(outcomes)
            with pytest.raises(PoolError, match="at work"):
                next(decoders.decode([b"1"]))
            outcomes.close()
        position, outcome = next(decoders.decode([b"5"]))
        assert position == 0
        assert isinstance(outcome, Decoded)
        assert outcome.width == 45


def test_what_read_raises_otherwise_reaches_the_caller_and_the_pool_goes_on() -> None:
    made = files(10)
    with pool(made.__getitem__) as decoders:
        with pytest.raises(KeyError, match="no such key"):
            list(decoders.decode([*list(made), b"no such key", b"1", b"2"]))
        outcomes = [outcome for _, outcome in decoders.decode([b"3", b"1", b"4"])]
        assert [outcome.width for outcome in outcomes if isinstance(outcome, Decoded)] == [43, 41, 44]


def test_a_closed_pool_refuses_and_leaves_nothing_behind() -> None:
    before = threading.active_count()
    with pool(files(9).__getitem__) as decoders:
        outcomes = decoders.decode([b"1"] * 500)
        next(outcomes)
        pids = [worker._process.pid for worker in decoders._workers]
    with pytest.raises(PoolError):
        list(outcomes)
    with pytest.raises(PoolError, match="closed"):
        list(decoders.decode([b"1"]))
    assert not any(alive(pid) for pid in pids)
    assert threading.active_count() == before
    decoders.close()


@pytest.mark.parametrize("work", ["idle", "busy", "hang"])
def test_workers_die_with_a_killed_parent(work: str, tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(jpeg(1))
    (tmp_path / "sitecustomize.py").write_text(EVIL.replace("{image}", "00"))
    script = textwrap.dedent("""
        import sys, threading, time
        from shoal.images.pool import DecodePool
        from shoal.types import ImageInput
        data = b"hang" if sys.argv[1] == "hang" else open(sys.argv[2], "rb").read()
        pool = DecodePool(lambda key: data, ImageInput(32, 36), timeout_s=1)
        list(pool.decode([b"k"] * 4)) if sys.argv[1] != "hang" else None
        print(*(worker._process.pid for worker in pool._workers), flush=True)
        if sys.argv[1] == "idle":
            time.sleep(600)
        for _ in pool.decode([b"k"] * 10**6):
            pass
    """)
    command = [sys.executable, "-c", script, work, str(tmp_path / "picture")]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        time.sleep(0.4)
        parent.send_signal(signal.SIGKILL)
    assert len(pids) == 2
    deadline = time.monotonic() + 60
    while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(alive(pid) for pid in pids)


def test_files_in_the_current_folder_are_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PIL.py", "numpy.py", "shoal.py", "random.py"):
        (tmp_path / name).write_text("raise SystemExit('this must not run')")
    monkeypatch.chdir(tmp_path)
    with pool(files(2).__getitem__) as decoders:
        assert all(isinstance(outcome, Decoded) for _, outcome in decoders.decode([b"0", b"1"]))


def test_workers_that_do_not_start_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text("import os; os._exit(3)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pool(files(2).__getitem__) as decoders, pytest.raises(PoolError, match="exit status 3"):
        list(decoders.decode([b"0", b"1"]))
