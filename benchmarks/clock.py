"""How long a call takes on the processor and how much memory, for the benchmarks beside this file."""

import contextlib
import ctypes
import gc
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
PROCESS = Path("/proc/self")
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


def timed(call: Callable[[], float]) -> tuple[float, float]:
    """Return the median processor time of a call, sampled for longer than a clock of 4 ms, and its value."""
    repeats, spent, samples = 1, 0.0, []
    while len(samples) < 5 and spent < 1.0:
        began = time.process_time()
        for _ in range(repeats):
            value = call()
        lasted = time.process_time() - began
        if lasted < 0.1:
            repeats *= 4
        else:
            spent += lasted
            samples.append(lasted / repeats)
    return statistics.median(samples), value


def peaked(call: Callable[[], T]) -> tuple[float | None, T]:
    """Return the most MB that the process held during a call above what it held before, and its value.

    Resident memory, to about 2 MB (a huge page of the system). None where the system does not tell
    (there is no /proc).
    """
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        # what was freed and kept for later would hide as much of the call's own
        ctypes.CDLL(None).malloc_trim(0)
    try:
        (PROCESS / "clear_refs").write_text("5")  # the peak starts again from what is held now
        before = _held("VmRSS")
    except OSError:
        return None, call()
    value = call()
    return max(0.0, _held("VmHWM") - before), value


def keep_freed() -> None:
    """Keep freed memory in this process: fetching pages anew hits one call or another by chance.

    Where the C library cannot be told so (it is not glibc), nothing changes.
    """
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(M_MMAP_THRESHOLD, 1 << 30)
        library.mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)


def _held(field: str) -> float:
    """Return a field of the process's status in MB."""
    status = (PROCESS / "status").read_text()
    return int(status.partition(f"{field}:")[2].split()[0]) / 1024
