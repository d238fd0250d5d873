"""Long work as a process of its own: rows in the workspace are the only channel, so a kill loses nothing."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shoal.types import Progress, ShoalError
from shoal.workspace import Workspace

HEARTBEAT_S = 0.3
STOP_S = 5.0


class CancelledError(Exception):
    """Somebody asked for this job to stop; what was committed stays."""


class JobLauncher:
    """Starts jobs as processes of their own; call it with a kind, get the job's id."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._processes: list[subprocess.Popen[bytes]] = []

    def __call__(self, kind: str) -> int:
        """Start a job and return its id."""
        self._processes = [process for process in self._processes if process.poll() is None]
        job_id = self._workspace.jobs.create(kind)
        command = [sys.executable, "-P", "-m", "shoal.job", str(self._workspace.path), str(job_id)]
        # a session of its own: Ctrl-C in the terminal reaches the server, which then decides about the job
        self._processes.append(subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL))
        return job_id

    def stop_all(self) -> None:
        """End every job that still runs; the same command goes on from what they committed."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def run(path: Path, job_id: int) -> int:
    """Do the job and write how it went; return the process's exit code."""
    from shoal.pipeline import Recipe, make_map, remembered

    with Workspace.open(path) as workspace:
        jobs = workspace.jobs
        try:
            watch = _heart(workspace, job_id)
            summary = make_map(workspace, remembered(workspace), recipe=Recipe.of(workspace), watch=watch)
        except CancelledError:
            jobs.finish(job_id, "cancelled", "stopped; the same command goes on where it was")
            return 0
        except ShoalError as error:
            jobs.finish(job_id, "failed", str(error))
            return 1
        except BaseException as error:
            jobs.finish(job_id, "failed", f"{type(error).__name__}: {error}")
            raise
        jobs.finish(job_id, "done", f"{summary.embedded} items on the map, {summary.skipped} skipped")
        return 0


def _heart(workspace: Workspace, job_id: int) -> Callable[[Progress], None]:
    last: list[Any] = [0.0, ""]

    def watch(progress: Progress) -> None:
        now = time.monotonic()
        if now - last[0] < HEARTBEAT_S and progress.message == last[1]:
            return
        last[:] = [now, progress.message]
        if workspace.jobs.cancel_requested(job_id):
            raise CancelledError
        workspace.jobs.heartbeat(job_id, progress)

    return watch


if __name__ == "__main__":
    raise SystemExit(run(Path(sys.argv[1]), int(sys.argv[2])))
