"""Jobs as rows: the only channel between the server and the processes that do long work."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Row, insert, select, update

from shoal.types import Progress, Scalar
from shoal.workspace.catalogue import Catalogue
from shoal.workspace.errors import WorkspaceError
from shoal.workspace.tables import jobs

OPEN = ("queued", "running")
CLOSED = ("done", "failed", "cancelled", "interrupted")
STALE_S = 60.0
"""A job that no process has claimed for so long was never started."""


@dataclass(frozen=True, slots=True)
class JobRow:
    """One piece of long work. `state` is queued, running, done, failed, cancelled or interrupted.

    `kind` says what is done, `parameters` to what.
    """

    id: int
    kind: str
    parameters: dict[str, Scalar]
    state: str
    done: int
    total: int
    message: str
    rate: float
    seconds_left: float | None
    created: float
    beat: float
    cancel_requested: bool


class Jobs:
    """The jobs of one workspace; whoever reads them notices a job whose process is gone."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def create(self, kind: str, parameters: Mapping[str, Scalar] | None = None) -> int:
        """Write down a queued job and return its id."""
        now = time.time()
        texts = json.dumps(dict(parameters or {}))
        with self._catalogue.write("jobs") as connection:
            row = {"kind": kind, "parameters": texts, "state": "queued", "created": now, "beat": now}
            id: int = connection.execute(insert(jobs).values(row).returning(jobs.c.id)).scalar_one()
            return id

    def heartbeat(self, id: int, progress: Progress) -> None:
        """Say that this process is at work on the job, and how far; a job that has ended stays ended."""
        values = {
            "state": "running",
            "beat": time.time(),
            "worker": _worker(os.getpid()),
            "done": progress.done,
            "total": progress.total,
            "message": progress.message,
            "rate": progress.rate,
            "seconds_left": progress.seconds_left,
        }
        self._change(id, values, only=(*OPEN, "interrupted"))

    def finish(self, id: int, state: str, message: str) -> None:
        """End the job as done, failed, cancelled or interrupted; a job that has ended stays as it is."""
        if state not in CLOSED:
            raise WorkspaceError(f"a job cannot end as {state!r}; it ends as one of {', '.join(CLOSED)}.")
        values = {"state": state, "message": message, "beat": time.time(), "seconds_left": None}
        self._change(id, values, only=(*OPEN, "interrupted"))

    def request_cancel(self, id: int) -> None:
        """Ask the job to stop at its next convenience."""
        self._change(id, {"cancel": 1}, only=OPEN)

    def cancel_requested(self, id: int) -> bool:
        """Return whether somebody has asked the job to stop."""
        return self.get(id).cancel_requested

    def get(self, id: int) -> JobRow:
        """Return one job; raises `WorkspaceError` when there is none with this id."""
        with self._catalogue.read() as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == int(id))).one_or_none()
        if row is None:
            raise WorkspaceError(f"there is no job {id}.")
        return self._current(row)

    def latest(self) -> JobRow | None:
        """Return the newest job, or None."""
        with self._catalogue.read() as connection:
            row = connection.execute(select(jobs).order_by(jobs.c.id.desc()).limit(1)).one_or_none()
        return None if row is None else self._current(row)

    def _current(self, row: Row[Any]) -> JobRow:
        if row.state in OPEN and _is_lost(row.worker, row.beat):
            self.finish(row.id, "interrupted", "its process is gone; starting it again goes on where it was")
            return self.get(row.id)
        return JobRow(
            row.id,
            row.kind,
            json.loads(row.parameters),
            row.state,
            row.done,
            row.total,
            row.message,
            row.rate,
            row.seconds_left if row.state in OPEN else None,
            row.created,
            row.beat,
            bool(row.cancel),
        )

    def _change(self, id: int, values: dict[str, Any], *, only: tuple[str, ...]) -> None:
        with self._catalogue.write("jobs") as connection:
            mine = jobs.c.id == int(id)
            if connection.execute(update(jobs).where(mine, jobs.c.state.in_(only)).values(values)).rowcount:
                return
            if connection.scalar(select(jobs.c.id).where(mine)) is None:
                raise WorkspaceError(f"there is no job {id}.")


def _is_lost(worker: str | None, beat: float) -> bool:
    if worker is None:
        return time.time() - beat > STALE_S
    return _worker(int(worker.partition(":")[0])) != worker


def _worker(pid: int) -> str | None:
    """Name a living process so that a later one with the same pid is told apart; None when it is gone."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    try:
        # after the command's closing bracket: state, ..., and as the 20th field the start time
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return f"{pid}:"
    return None if fields[0] == "Z" else f"{pid}:{fields[19]}"
