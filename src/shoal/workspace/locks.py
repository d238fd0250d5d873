"""One process embeds into a workspace at a time; the kernel lets go of the lock when the process dies."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shoal.workspace.errors import WorkspaceError

FILE_NAME = "embedding.lock"


PATIENCE_S = 2.0
"""Whoever opens a workspace holds the lock for a moment, to sweep: that must not turn an embedder away."""


@contextmanager
def embedding_lock(root: Path, *, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Hold the right to embed; raises `WorkspaceError` naming the process that holds it for `patience_s`."""
    descriptor = _open(root)
    try:
        deadline = time.monotonic() + patience_s
        while not _locked(descriptor):
            if time.monotonic() >= deadline:
                holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
                raise WorkspaceError(
                    f"another Shoal (process {holder}) is embedding into {root}. Wait for it, or stop it; "
                    "labelling and looking go on meanwhile."
                )
            time.sleep(0.02)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _open(root: Path) -> int:
    try:
        return os.open(root / FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise WorkspaceError(
            f"cannot lock workspace {root}: {error.strerror or error}. Is it a folder that may be written to?"
        ) from error
