"""`kill -9` of the embedding at ten random points, then the same command: nothing lost, nothing twice."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tests.pictures import paint_pile

from shoal.workspace import Workspace

KILLS = 10
pytestmark = [pytest.mark.alone, pytest.mark.timeout(1800)]


def start(pile: Path, workspace: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "shoal", "map", str(pile), "--into", str(workspace), "--no-serve"]
    return subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def finished_in(process: "subprocess.Popen[bytes]") -> float:
    """Wait for it to succeed; return the seconds."""
    began = time.monotonic()
    assert process.wait() == 0
    return time.monotonic() - began


def content(path: Path) -> dict[str, object]:
    """Everything the embedding left behind, by the item's key."""
    with Workspace.open(path) as workspace:
        embedding = workspace.embedding()
        early = workspace.embedding(workspace.backbone().layers[0], embedding.ids)
        thumbnails = workspace.thumbnails(embedding.ids.tolist(), 64)
        keys = [workspace.items.keys[item] for item in embedding.ids]
        drawn = workspace.map()
        assert workspace.verify() == []
        assert np.array_equal(drawn.ids, embedding.ids)
        return {
            "keys": keys,
            "late": embedding.vectors,
            "early": early.vectors,
            "thumbnails": thumbnails,
            "counts": workspace.counts(),
        }


def test_a_killed_embedding_goes_on_where_it_was(tmp_path):
    pile = paint_pile(tmp_path / "pile", per_group=160)
    (pile / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    seconds = finished_in(start(pile, tmp_path / "whole.shoal"))
    draw = random.Random(7)
    killed = 0
    while killed < KILLS:
        fresh, began = not (tmp_path / "killed.shoal").exists(), time.monotonic()
        process = start(pile, tmp_path / "killed.shoal")
        try:
            assert process.wait(draw.uniform(0.05, 1.0) * seconds) == 0
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            killed += 1
        else:  # quicker than the run before: nothing is left to be killed, so begin anew
            seconds = min(seconds, time.monotonic() - began) if fresh else seconds
            shutil.rmtree(tmp_path / "killed.shoal")
    finished_in(start(pile, tmp_path / "killed.shoal"))
    whole, broken = content(tmp_path / "whole.shoal"), content(tmp_path / "killed.shoal")
    assert broken["keys"] == whole["keys"]
    assert len(set(broken["keys"])) == 640
    assert broken["counts"] == whole["counts"]
    assert broken["thumbnails"] == whole["thumbnails"]
    assert np.array_equal(broken["late"], whole["late"])
    assert np.array_equal(broken["early"], whole["early"])
