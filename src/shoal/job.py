"""Long work as a process of its own: rows in the workspace are the only channel, so a kill loses nothing.

A job ends in one way only, whoever wants it to and whatever it is doing: at once. Everything it has committed
stays, and the same command goes on from there.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from shoal.types import Progress, Scalar, ShoalError, Watch
from shoal.workspace import Workspace

HEARTBEAT_S = 0.3
OBEY_S = 0.5
STOP_S = 5.0
REST_S = 3.0
"""After a round the page animates: only then the next process gets ready, which keeps a core busy."""
Work = Callable[[Workspace, Mapping[str, Scalar], Watch], str]

GONE = 3
"""The exit code of a job whose server is gone."""


class JobLauncher:
    """Starts jobs as processes of their own; call it with a kind and its parameters, get the job's id.

    A job lives no longer than the process that started it, even when that is killed. After a job that learns,
    a process stands by that has loaded all the next one needs, which is most of what a small round takes.
    """

    def __init__(self, workspace: Workspace, *, rest_s: float = REST_S) -> None:
        self._workspace = workspace
        self._running: list[tuple[subprocess.Popen[bytes], threading.Thread]] = []
        self._rest_s = rest_s
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._standby: subprocess.Popen[bytes] | None = None

    def __call__(self, kind: str, parameters: Mapping[str, Scalar] | None = None) -> int:
        """Start a job and return its id.

        Raises `ShoalError` for a kind that is not in `WORK`, and when the system starts no process.
        """
        if kind not in WORK:
            raise ShoalError(f"there is no job of the kind {kind!r}. There are: {', '.join(WORK)}.")
        jobs = self._workspace.jobs
        job_id = jobs.create(kind, parameters)
        try:
            process = (self._handed(job_id) if kind in WARM else None) or self._start(str(job_id))
        except OSError as error:
            jobs.finish(job_id, "failed", f"its process could not be started: {error.strerror or error}")
            raise ShoalError(
                f"job {job_id} could not be started: {error.strerror or error}. Free some memory, try again."
            ) from error
        waiter = threading.Thread(target=self._await, args=(process, job_id, kind), daemon=True)
        waiter.start()
        self._running = [pair for pair in self._running if pair[1].is_alive()] + [(process, waiter)]
        return job_id

    def stop_all(self) -> None:
        """End every job that still runs; the same command goes on from what they committed."""
        self._stopping.set()
        with self._lock:
            if self._standby is not None:
                self._standby.kill()
                self._standby.wait()
        for process, _ in self._running:
            if process.stdin is not None:
                process.stdin.close()
        for process, waiter in self._running:
            waiter.join(STOP_S)
            if waiter.is_alive():
                process.kill()
                waiter.join(STOP_S)

    def _start(self, *job_id: str) -> "subprocess.Popen[bytes]":
        """Start the process of a job, or without an id one that stands by."""
        # A session of its own: Ctrl-C in the terminal reaches the server, which then decides about the job.
        # At most an id is ever written to its stdin: that it ends tells the job that we are gone.
        command = [sys.executable, "-P", "-m", "shoal.job", str(self._workspace.path), *job_id]
        return subprocess.Popen(command, start_new_session=True, stdin=subprocess.PIPE)

    def _handed(self, job_id: int) -> "subprocess.Popen[bytes] | None":
        """Hand the job to the process that stands by; None where there is none."""
        with self._lock:
            process, self._standby = self._standby, None
        if process is None or process.stdin is None or process.poll() is not None:
            return None
        try:
            process.stdin.write(b"%d\n" % job_id)
            process.stdin.flush()
        except OSError:
            return None
        return process

    def _stand_by(self) -> None:
        if self._stopping.wait(self._rest_s):
            return
        with self._lock, suppress(OSError):
            if self._standby is None and not self._stopping.is_set():
                self._standby = self._start()

    def _await(self, process: "subprocess.Popen[bytes]", job_id: int, kind: str) -> None:
        """Write down how a job ended that could not say so itself; one that has said so stays as it is."""
        code = process.wait()
        state, message = "failed", f"its process ended with exit code {code}; the server's terminal says more"
        if code == GONE:
            state, message = "interrupted", "its server was stopped"
        elif code < 0:
            # A process that takes all memory is killed by the system like this.
            message = f"signal {-code} ended its process; starting it again goes on where it was"
        try:
            self._workspace.jobs.finish(job_id, state, message)
        except ShoalError as error:
            print(f"job {job_id} ended, which could not be written down: {error}", file=sys.stderr)
        if kind in WARM and code == 0:
            threading.Thread(target=self._stand_by, daemon=True).start()


def run(path: Path, job_id: int) -> int:
    """Do the job and write how it went; return the process's exit code."""
    with Workspace.open(path) as workspace:
        jobs = workspace.jobs
        try:
            # The first beat claims the row: from now on whoever reads it sees when this process is gone.
            jobs.heartbeat(job_id, Progress(0, 0, "starting"))
            for obey in (_end_with_server, _end_when_asked):
                threading.Thread(target=obey, args=(workspace, job_id), daemon=True).start()
            row = jobs.get(job_id)
            message = WORK[row.kind](workspace, row.parameters, _heart(workspace, job_id))
        except ShoalError as error:
            jobs.finish(job_id, "failed", str(error))
            return 1
        except BaseException as error:
            jobs.finish(job_id, "failed", f"{type(error).__name__}: {error}")
            raise
        jobs.finish(job_id, "done", message)
        return 0


def _map(workspace: Workspace, _: Mapping[str, Scalar], watch: Watch) -> str:
    from shoal.pipeline import make_map
    from shoal.recipe import Recipe, Task

    summary = make_map(workspace, Task.of(workspace), recipe=Recipe.of(workspace), watch=watch)
    return f"{summary.embedded} items on the map, {summary.skipped} skipped"


def _layer_map(workspace: Workspace, parameters: Mapping[str, Scalar], watch: Watch) -> str:
    from shoal.catching_up import catch_up
    from shoal.layer_maps import draw_layer
    from shoal.recipe import Recipe

    layer = str(parameters["layer"])
    draw_layer(workspace, Recipe.of(workspace).make_projector(), layer=layer, watch=watch)
    catch_up(workspace, watch=watch)  # somebody may have gone back meanwhile, and one job runs at a time
    return f"the map of {layer} is drawn"


def _place(workspace: Workspace, _: Mapping[str, Scalar], watch: Watch) -> str:
    from shoal.catching_up import catch_up

    catch_up(workspace, watch=watch)
    return "the map shows everything that is embedded"


def _learn(workspace: Workspace, parameters: Mapping[str, Scalar], watch: Watch) -> str:
    from shoal.refining import DEFAULT_DIM, DEFAULT_LOSS, Lesson, refine

    loss, dim, layer = (parameters.get(name) for name in ("loss", "dim", "layer"))
    lesson = Lesson(str(loss or DEFAULT_LOSS), int(dim or DEFAULT_DIM), str(layer) if layer else None)
    row = refine(workspace, lesson, watch=watch)
    return f"round {row.id}: {len(row.classes)} classes"


WORK: Mapping[str, Work] = {"map": _map, "layer_map": _layer_map, "learn": _learn, "place": _place}
"""What a job of each kind does; it returns one sentence for people."""
WARM = frozenset({"learn"})
"""The kinds that a process stands by for."""


def _heart(workspace: Workspace, job_id: int) -> Watch:
    last: list[Any] = [0.0, ""]

    def watch(progress: Progress) -> None:
        now = time.monotonic()
        if now - last[0] < HEARTBEAT_S and progress.message == last[1]:
            return
        last[:] = [now, progress.message]
        workspace.jobs.heartbeat(job_id, progress)

    return watch


def _end_with_server(_workspace: Workspace, _job_id: int) -> None:
    """End this process when stdin ends: the server holds its other end, also when it is killed."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os._exit(GONE)


def _end_when_asked(workspace: Workspace, job_id: int) -> None:
    """End this process when somebody asks the job to stop."""
    while True:
        time.sleep(OBEY_S)
        try:
            if not workspace.jobs.cancel_requested(job_id):
                continue
            workspace.jobs.finish(job_id, "cancelled", "stopped; the same command goes on where it was")
        except ShoalError:
            continue  # the catalogue is busy: ask again
        os._exit(0)


def _told() -> int | None:
    """Load all that learning needs, then wait for a job's id on stdin; None when the server is gone."""
    from shoal.rounds import learn_round

    vectors = np.random.default_rng(0).standard_normal((60, 8)).astype(np.float32)
    learn_round(vectors, np.arange(60) % 3 - 1)
    line = b""
    while not line.endswith(b"\n"):
        read = os.read(sys.stdin.fileno(), 64)
        if not read:
            return None
        line += read
    return int(line)


def main(arguments: list[str]) -> int:
    """Run the job that the arguments name: the workspace's path, and its id, which else stdin tells."""
    job_id = int(arguments[1]) if len(arguments) > 1 else _told()
    if job_id is None:
        return GONE
    try:
        return run(Path(arguments[0]), job_id)
    except ShoalError as error:
        print(f"shoal: job {job_id}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
