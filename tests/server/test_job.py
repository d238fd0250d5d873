"""The job process: it ends when it is told to, when its server is gone, and never without a word."""

import os
import signal
import subprocess
import sys
import time

import pytest
from tests.pictures import paint_pile
from tests.server.live import ROOT

from shoal import job
from shoal.recipe import Recipe, Task
from shoal.types import ShoalError
from shoal.workspace import Workspace
from shoal.workspace.jobs import _worker

# Python runs a `sitecustomize` before everything else: here the work itself is replaced by deaf labour.
DEAF = """
import os, time
from shoal import pipeline
from shoal.types import Progress
def make_map(workspace, task, *, recipe, watch):
    watch(Progress(os.getpid(), 0, "deaf"))
    end = time.monotonic() + 300
    while time.monotonic() < end:
        sum(range(10_000))
pipeline.make_map = make_map
"""
STILLBORN = "import os; os._exit(7)"
SERVER = """
import sys, time
from shoal.job import JobLauncher
from shoal.workspace import Workspace
with Workspace.open(sys.argv[1]) as workspace:
    JobLauncher(workspace)("map")
    time.sleep(300)
"""


@pytest.fixture
def sabotage(tmp_path, monkeypatch):
    def use(code):
        folder = tmp_path / "site"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(code)
        monkeypatch.setenv("PYTHONPATH", str(folder))

    return use


@pytest.fixture
def launcher(workspace):
    made = job.JobLauncher(workspace)
    yield made
    made.stop_all()


def wait_for(workspace, id, *states, message="", seconds=60):
    """Return the row once it is in one of these states."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        row = workspace.jobs.get(id)
        if row.state in states and message in row.message:
            return row
        time.sleep(0.02)
    raise AssertionError(f"still {row}")


def process_ends(pid, seconds=60):
    """Whether the process is gone, or a zombie that nobody has reaped, within `seconds`."""
    end = time.monotonic() + seconds
    while _worker(pid) is not None and time.monotonic() < end:
        time.sleep(0.02)
    return _worker(pid) is None


def test_a_job_makes_the_map_and_says_so(tmp_path):
    pile = paint_pile(tmp_path / "pile", per_group=3)
    with Workspace.open(tmp_path / "w.shoal", create=True) as workspace:
        Recipe(backbone="placeholder").save(workspace)
        Task([str(pile)]).save(workspace)
        launcher = job.JobLauncher(workspace)
        row = wait_for(workspace, launcher("map"), "done", "failed")
        assert (row.state, row.message) == ("done", "12 items on the map, 0 skipped")
        assert workspace.maps()[-1].items == 12
        launcher.stop_all()


def test_a_job_draws_another_layer_beside_the_main_map(workspace, launcher):
    main = workspace.map()
    row = wait_for(workspace, launcher("layer_map", {"layer": "early"}), "done", "failed")
    assert (row.state, row.message) == ("done", "the map of early is drawn")
    drawn = workspace.maps()[-1]
    assert (drawn.origin.layer, drawn.origin.aside, drawn.items) == ("early", True, len(main.ids))
    assert workspace.current_map().id != drawn.id
    assert workspace.map() is main
    wait_for(workspace, launcher("layer_map", {"layer": "early"}), "done", "failed")
    assert workspace.maps()[-1].id == drawn.id  # it is there already
    refused = wait_for(workspace, launcher("layer_map", {"layer": "deep"}), "failed")
    assert "no layer 'deep'" in refused.message


@pytest.mark.timeout(1200)
def test_after_a_round_a_process_stands_by_that_does_the_next(workspace, seeded):
    for group, name in enumerate("ab"):
        workspace.label(seeded.ids[group][:5], name)
    launcher = job.JobLauncher(workspace, rest_s=0)
    assert wait_for(workspace, launcher("learn"), "done", "failed", seconds=240).state == "done"
    end = time.monotonic() + 60
    while launcher._standby is None and time.monotonic() < end:
        time.sleep(0.02)
    ready = launcher._standby
    second = launcher("learn")
    assert launcher._running[-1][0] is ready
    assert wait_for(workspace, second, "done", "failed", seconds=240).state == "done"
    assert ready.wait(240) == 0
    while launcher._standby is None and time.monotonic() < end + 60:
        time.sleep(0.02)
    third = launcher._standby
    third.kill()  # one that has died is no obstacle
    third.wait()
    assert wait_for(workspace, launcher("learn"), "done", "failed", seconds=240).state == "done"
    assert len(workspace.rounds.rows()) == 3
    launcher.stop_all()
    assert launcher._standby is None or launcher._standby.poll() is not None


def test_a_job_learns_by_loss_and_dimensions(workspace, seeded):
    for group, name in enumerate("ab"):
        workspace.label(seeded.ids[group][:5], name)
    job.WORK["learn"](workspace, {"loss": "supcon", "dim": 4, "layer": None}, lambda _: None)
    job.WORK["learn"](workspace, {"loss": None, "dim": None, "layer": None}, lambda _: None)
    rows = workspace.rounds.rows()
    assert [(row.loss, row.report["dimensions"]) for row in rows] == [("supcon", 4), ("silhouette", 16)]


def test_a_process_that_stands_by_ends_with_its_server(workspace):
    launcher = job.JobLauncher(workspace)
    ready = launcher._start()
    ready.stdin.close()
    assert ready.wait(240) == job.GONE


def test_a_job_of_no_kind_is_refused(launcher):
    with pytest.raises(ShoalError, match=r"no job of the kind 'rm'. There are: map, layer_map"):
        launcher("rm")


def test_stop_ends_a_job_that_listens_to_nobody(workspace, launcher, sabotage):
    sabotage(DEAF)
    id = launcher("map")
    pid = wait_for(workspace, id, "running", message="deaf").done
    workspace.jobs.request_cancel(id)
    row = wait_for(workspace, id, "cancelled")
    assert process_ends(pid)
    time.sleep(0.2)
    assert workspace.jobs.get(id) == row


def test_a_job_is_gone_within_seconds_when_its_server_is_killed(workspace, sabotage):
    sabotage(DEAF)
    server = subprocess.Popen([sys.executable, "-c", SERVER, str(workspace.path)], cwd=ROOT)
    try:
        end = time.monotonic() + 60
        while workspace.jobs.latest() is None and time.monotonic() < end:
            time.sleep(0.02)
        pid = wait_for(workspace, 1, "running", message="deaf").done
        assert not process_ends(pid, seconds=1)
    finally:
        server.kill()
        server.wait()
    assert process_ends(pid)
    assert workspace.jobs.latest().state == "interrupted"


def test_the_server_ends_its_jobs_with_itself(workspace, launcher, sabotage):
    sabotage(DEAF)
    id = launcher("map")
    pid = wait_for(workspace, id, "running", message="deaf").done
    start = time.monotonic()
    launcher.stop_all()
    assert time.monotonic() - start < job.STOP_S
    assert process_ends(pid, seconds=1)
    row = workspace.jobs.get(id)
    assert (row.state, row.message) == ("interrupted", "its server was stopped")


def test_a_job_that_dies_before_its_first_word_is_not_queued_for_a_minute(workspace, launcher, sabotage):
    sabotage(STILLBORN)
    row = wait_for(workspace, launcher("map"), "failed", seconds=30)
    assert "exit code 7" in row.message


def test_a_job_that_is_killed_says_by_what(workspace, launcher, sabotage):
    sabotage(DEAF)
    id = launcher("map")
    os.kill(wait_for(workspace, id, "running", message="deaf").done, signal.SIGKILL)
    assert wait_for(workspace, id, "failed").message.startswith("signal 9 ended its process")


def test_a_refusal_stays_what_the_job_said(workspace, launcher):
    Task(["/nowhere/at/all"]).save(workspace)
    row = wait_for(workspace, launcher("map"), "failed")
    assert "/nowhere/at/all" in row.message
    launcher.stop_all()
    assert workspace.jobs.get(row.id) == row


def test_a_system_without_room_for_a_process_leaves_no_job_queued(workspace, launcher, monkeypatch):
    def refuse(*_, **__):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(ShoalError, match="temporarily unavailable"):
        launcher("map")
    assert workspace.jobs.latest().state == "failed"


def test_a_workspace_that_is_none_is_said_in_one_sentence(tmp_path, capsys):
    assert job.main([str(tmp_path / "nothing.shoal"), "1"]) == 1
    assert "not a workspace" in capsys.readouterr().err
