"""Ctrl-C: a command ends within a second or two, whatever it is doing. What it saved is whole, by design."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

GRACE_S = 1.0
"""So long the exception has to do its work; it gets lost where a library calls back from native code."""


@contextmanager
def ends_on_interrupt(give_up: Callable[[], None]) -> Iterator[None]:
    """Call `give_up` in a thread where Ctrl-C has not ended this block after a second; it ends the process.

    Beyond the main thread this does nothing: no signals arrive there.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    done = threading.Event()
    # Python's own handler waits for the main thread; what C writes here is heard at once
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_listen, args=(reading, done, give_up), daemon=True).start()
    try:
        yield
    finally:
        done.set()
        signal.set_wakeup_fd(before)
        os.close(writing)


def _listen(reading: int, done: threading.Event, give_up: Callable[[], None]) -> None:
    with os.fdopen(reading, "rb", buffering=0) as heard:
        while number := heard.read(1):
            if number[0] == signal.SIGINT and not done.wait(GRACE_S):
                give_up()
