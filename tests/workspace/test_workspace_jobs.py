"""Jobs: rows that tell the truth, also about processes that can tell nothing any more."""

import subprocess
import sys
import time

import pytest

from shoal.types import Progress
from shoal.workspace import Workspace, WorkspaceError, jobs

HALF = Progress(5, 10, "embedding", 2.5, 2.0)


def test_the_life_of_a_job(ws):
    assert ws.jobs.latest() is None
    revision = ws.revision()
    id = ws.jobs.create("map")
    assert ws.jobs.get(id).state == "queued"
    ws.jobs.heartbeat(id, HALF)
    job = ws.jobs.latest()
    assert (job.id, job.kind, job.state, job.done, job.total) == (id, "map", "running", 5, 10)
    assert (job.message, job.rate, job.seconds_left, job.cancel_requested) == ("embedding", 2.5, 2.0, False)
    ws.jobs.request_cancel(id)
    assert ws.jobs.cancel_requested(id)
    ws.jobs.finish(id, "cancelled", "stopped")
    job = ws.jobs.get(id)
    assert (job.state, job.message, job.seconds_left) == ("cancelled", "stopped", None)
    assert ws.revision() > revision


def test_what_has_ended_stays_ended(ws):
    id = ws.jobs.create("map")
    ws.jobs.finish(id, "done", "all")
    ws.jobs.heartbeat(id, HALF)
    ws.jobs.finish(id, "failed", "late")
    ws.jobs.request_cancel(id)
    job = ws.jobs.get(id)
    assert (job.state, job.message, job.cancel_requested) == ("done", "all", False)


def test_unknown_jobs_and_states_are_refused(ws):
    for act in (
        lambda: ws.jobs.get(3),
        lambda: ws.jobs.heartbeat(3, HALF),
        lambda: ws.jobs.finish(3, "done", ""),
        lambda: ws.jobs.request_cancel(3),
    ):
        with pytest.raises(WorkspaceError, match="no job 3"):
            act()
    with pytest.raises(WorkspaceError, match="'running'"):
        ws.jobs.finish(ws.jobs.create("map"), "running", "")


def test_a_job_whose_process_was_killed_is_interrupted_at_once(ws):
    code = (
        "import os, signal, sys; from shoal.types import Progress; from shoal.workspace import Workspace\n"
        "ws = Workspace.open(sys.argv[1]); ws.jobs.heartbeat(int(sys.argv[2]), Progress(1, 2, 'at work'))\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    id = ws.jobs.create("map")
    process = subprocess.Popen([sys.executable, "-c", code, ws.path, str(id)])
    deadline = time.monotonic() + 60
    while ws.jobs.get(id).state != "interrupted" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert ws.jobs.get(id).state == "interrupted", "a zombie must count as gone"
    process.wait()
    assert ws.jobs.latest().done == 1


def test_a_living_process_may_be_silent_for_long(ws, monkeypatch):
    id = ws.jobs.create("map")
    ws.jobs.heartbeat(id, HALF)
    monkeypatch.setattr(jobs, "STALE_S", -1.0)
    assert ws.jobs.get(id).state == "running"


def test_a_reused_pid_is_not_mistaken_for_the_worker(ws, monkeypatch):
    id = ws.jobs.create("map")
    own = jobs._worker
    monkeypatch.setattr(jobs, "_worker", lambda pid: f"{pid}:1")
    ws.jobs.heartbeat(id, HALF)
    monkeypatch.setattr(jobs, "_worker", own)
    assert ws.jobs.get(id).state == "interrupted"


def test_a_job_that_never_started_is_interrupted_after_a_while(ws, monkeypatch):
    id = ws.jobs.create("map")
    assert ws.jobs.get(id).state == "queued"
    monkeypatch.setattr(jobs, "STALE_S", -1.0)
    assert ws.jobs.get(id).state == "interrupted"
    ws.jobs.heartbeat(id, HALF)
    assert ws.jobs.get(id).state == "running", "it was only slow to start"


def test_another_process_sees_jobs(ws):
    with Workspace.open(ws.path) as other:
        id = other.jobs.create("map")
        ws.jobs.request_cancel(id)
        assert other.jobs.cancel_requested(id)
