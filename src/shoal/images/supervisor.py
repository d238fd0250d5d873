"""One worker process seen from outside: started, fed, timed, and replaced when it is lost."""

import os
import socket
import subprocess
import sys
import time

from shoal.images.wire import READY, receive_reply, send_request
from shoal.types import Decoded, ImageInput, ShoalError

Outcome = Decoded | str

_START_SECONDS = 60.0
_TRIES = 2
"""A worker can be lost to something else than its file, such as the kernel looking for memory."""

_LAST_MOMENT = 0.05
"""After the deadline, the seconds in which an answer that is already there is still taken."""


class PoolError(ShoalError):
    """The decoders cannot be started, or the pool is used after its end or twice at a time."""


class Worker:
    """One worker process, used by one thread at a time; only `kill` and `retire` may come from another."""

    def __init__(self, image_input: ImageInput, *, timeout_s: float, memory_bytes: int) -> None:
        self._side = image_input.size
        self._timeout_s = timeout_s
        self._arguments = [
            str(value) for value in (image_input.size, image_input.resize, timeout_s, memory_bytes)
        ]
        self._data = b""
        self._deadline = 0.0
        self._retired = False
        self._start()

    def send(self, data: bytes) -> None:
        """Give the worker the bytes of one file: its time begins. Raise `PoolError` when none starts."""
        self._data = data
        if self._lost:
            self._replace()
        self._await_ready()
        self._deadline = time.monotonic() + self._timeout_s
        self._connection.settimeout(self._timeout_s)
        try:
            send_request(self._connection, data)
        except OSError:
            self.kill()  # receive() finds it dead, and tries again with another

    def receive(self) -> Outcome:
        """Return what became of the file that was sent last. Raise `PoolError` when no worker starts."""
        for tries_left in reversed(range(_TRIES)):
            try:
                self._connection.settimeout(max(self._deadline - time.monotonic(), _LAST_MOMENT))
                return receive_reply(self._connection, self._side)
            except TimeoutError:
                self.kill()
                return f"decoding it took longer than {self._timeout_s:g} s"
            except (EOFError, OSError):
                self.kill()
                if tries_left:
                    self.send(self._data)
        return "the decoder crashed on it"

    def kill(self) -> None:
        """End the process at once; the next file is given to a new one."""
        self._lost = True
        self._process.kill()

    def retire(self) -> None:
        """End the process at once and start no other."""
        self._retired = True
        self.kill()

    def close(self) -> None:
        """End the process, if it is not over yet, and free what belongs to it; no thread may be using it."""
        self._process.kill()
        self._process.wait()
        self._connection.close()

    def _start(self) -> None:
        self._connection, theirs = socket.socketpair()
        self._ready = self._lost = False
        with theirs:
            self._process = subprocess.Popen(
                # -P: a file named PIL.py in the current folder must not run
                [sys.executable, "-P", "-m", "shoal.images.worker", *self._arguments],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                process_group=0,  # Ctrl-C on the terminal is for the parent
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )

    def _await_ready(self) -> None:
        if self._ready:
            return
        self._connection.settimeout(_START_SECONDS)
        try:
            self._ready = self._connection.recv(len(READY)) == READY
        except OSError:
            self._ready = False
        if not self._ready:
            self.kill()
            self._refuse_if_retired()
            raise PoolError(
                f"a decoder process did not start within {_START_SECONDS:g} s (exit status "
                f"{self._process.wait()}); what it printed to the standard error says why"
            )

    def _replace(self) -> None:
        self._refuse_if_retired()
        self.close()
        self._start()

    def _refuse_if_retired(self) -> None:
        if self._retired:
            raise PoolError("the decode pool was closed while it was at work")
