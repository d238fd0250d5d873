"""What the command line does around the server: the job before ours, lines for machines, its options."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from tests.pictures import paint_pile

from shoal.cli import build_parser
from shoal.commands import _work
from shoal.report import Reporter
from shoal.types import Progress


def in_thread(workspace, started, stopped):
    def start():
        started.append(workspace.jobs.create("map"))
        return started[-1]

    thread = threading.Thread(target=_work, args=(workspace, start, Reporter(as_json=True), stopped))
    thread.start()
    return thread


@pytest.fixture
def other(workspace):
    """A job that this very process claims."""
    id = workspace.jobs.create("map")
    workspace.jobs.heartbeat(id, Progress(1, 2, "working"))
    return id


@pytest.mark.parametrize("state", ["interrupted", "done", "failed"])
def test_a_job_that_is_at_work_comes_before_ours(workspace, other, state):
    started, stopped = [], threading.Event()
    thread = in_thread(workspace, started, stopped)
    time.sleep(1.2)
    assert started == []
    workspace.jobs.finish(other, state, "over")
    end = time.monotonic() + 60
    while not started and time.monotonic() < end:
        time.sleep(0.02)
    assert started == [other + 1]
    stopped.set()
    thread.join(60)
    assert not thread.is_alive()


def test_cancelling_it_cancels_ours_and_stopping_starts_nothing(workspace, other):
    started, stopped = [], threading.Event()
    thread = in_thread(workspace, started, stopped)
    workspace.jobs.finish(other, "cancelled", "over")
    thread.join(60)
    assert (thread.is_alive(), started) == (False, [])
    workspace.jobs.heartbeat(workspace.jobs.create("map"), Progress(1, 2, "working"))
    thread = in_thread(workspace, started, stopped)
    stopped.set()
    thread.join(60)
    assert (thread.is_alive(), started) == (False, [])


def serving(pile, workspace):
    command = [sys.executable, "-m", "shoal", "map", pile, "--into", workspace, "--backbone", "placeholder"]
    command += ["--json", "--no-browser", "--port", "0"]
    return subprocess.Popen(
        [*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


@pytest.mark.timeout(180)
def test_a_machine_reads_one_object_a_line_also_after_a_kill(tmp_path):
    pile = paint_pile(tmp_path / "pile", per_group=3)
    killed = serving(pile, tmp_path / "w.shoal")
    assert json.loads(killed.stdout.readline())["address"].startswith("http://127.0.0.1:")
    killed.kill()
    killed.wait()
    killed.stdout.close()
    again = serving(pile, tmp_path / "w.shoal")
    assert set(json.loads(again.stdout.readline())) == {"address", "workspace"}
    lines = []
    while not lines or lines[-1]["state"] == "interrupted":
        lines.append(json.loads(again.stdout.readline()))
    assert (lines[-1]["state"], set(lines[-1])) == ("done", {"job", "state", "message"})
    again.send_signal(signal.SIGINT)
    assert again.wait(60) == 0
    assert again.stdout.read() == ""
    again.stdout.close()


def test_the_token_comes_from_the_environment_unless_it_is_given(monkeypatch):
    monkeypatch.setenv("SHOAL_TOKEN", "from-the-environment")
    assert build_parser().parse_args(["serve", "w"]).token == "from-the-environment"
    assert build_parser().parse_args(["serve", "w", "--token", "given"]).token == "given"
    monkeypatch.delenv("SHOAL_TOKEN")
    assert build_parser().parse_args(["serve", "w"]).token is None


def test_hosts_are_given_one_by_one():
    assert build_parser().parse_args(["serve", "w"]).allow_host == []
    given = ["serve", "w", "--allow-host", "box", "--allow-host", "label.example.org:443"]
    assert build_parser().parse_args(given).allow_host == ["box", "label.example.org:443"]
    assert build_parser().parse_args(["serve", "w"]).allow_host == []


def test_an_allowed_host_reaches_the_server(seeded):
    from urllib.request import Request, urlopen

    command = [sys.executable, "-m", "shoal", "serve", str(seeded.path), "--port", "0", "--no-browser"]
    server = subprocess.Popen(
        [*command, "--allow-host", "label.example.org"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"SHOAL_TOKEN": "a-token-of-the-environment"},
    )
    try:
        address = server.stdout.readline().split()[-1]
        base, _, token = address.partition("open?token=")
        assert token == "a-token-of-the-environment"
        headers = {"Host": "label.example.org", "Authorization": f"Bearer {token}"}
        with urlopen(Request(base + "api/ping", headers=headers), timeout=10) as answer:
            assert answer.status == 200
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
