"""Ctrl-C ends a command soon, at whatever moment it comes, and what is said then is true."""

import subprocess
import sys
import time

import pytest
from tests.pictures import paint_pile

from shoal.pipeline import make_map
from shoal.recipe import Recipe, Task
from shoal.workspace import Workspace

DRIVER = """
import os, signal, sys, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from shoal import cli
run = cli._run
def timed(arguments):
    timer = threading.Timer(float(sys.argv[1]), lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.daemon = True  # or a command that is the faster one would wait for it, and be hit at its exit
    timer.start()
    try:
        return run(arguments)
    finally:
        timer.cancel()
cli._run = timed
sys.exit(cli.main(sys.argv[2:]))
"""
DEAF = """
import time
from shoal import refining
def refine(*_, **__):
    ends = time.monotonic() + 300
    while time.monotonic() < ends:
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            pass  # as a callback from native code loses it
refining.refine = refine
"""
BOUND_S = 100
"""Far above what a slow or loaded machine takes, and below the five minutes that a deaf command would."""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    root = tmp_path_factory.mktemp("stopping")
    pile = paint_pile(root / "pile", per_group=6)
    with Workspace.open(root / "w.shoal", create=True) as ws:
        make_map(ws, Task([str(pile)]), recipe=Recipe(backbone="placeholder", layer="colour"))
        for name in ("red", "blue"):
            ws.label([id for id, item in enumerate(ws.items.names) if item.startswith(name)][:3], name)
    return root / "w.shoal"


def interrupted(delay: float, *arguments: object, prelude: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", prelude + DRIVER, str(delay), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)


@pytest.mark.parametrize("delay", [0.0, 0.15, 0.5, 1.0, 2.0])
def test_learn_stopped_at_any_moment_saves_nothing_and_says_so(workspace, delay):
    with Workspace.open(workspace) as ws:
        before = len(ws.rounds.rows())
    began = time.monotonic()
    done = interrupted(delay, "learn", workspace)
    assert time.monotonic() - began < BOUND_S + delay
    assert "Traceback" not in done.stderr
    with Workspace.open(workspace) as ws:
        learned = len(ws.rounds.rows()) - before
        if done.returncode == 0:  # it was the faster one
            assert learned == 1
            return
        assert learned == 0
        assert done.returncode == 130, done.stderr
        assert "stopped; nothing was saved" in done.stderr


def test_an_interrupt_that_gets_lost_ends_the_command_all_the_same(workspace):
    began = time.monotonic()
    done = interrupted(1.0, "learn", workspace, prelude=DEAF)
    assert time.monotonic() - began < BOUND_S
    assert done.returncode == 130
    assert "stopped; nothing was saved" in done.stderr


def test_what_goes_on_where_it_was_says_so(tmp_path):
    pile = paint_pile(tmp_path / "pile", per_group=200)
    run = ["map", pile, "--into", tmp_path / "w.shoal", "--backbone", "placeholder", "--no-serve"]
    done = interrupted(0.0, *run)
    assert done.returncode == 130
    assert "the same command goes on where it was" in done.stderr
