"""`kill -9` of the embedding at ten random points, then the same command: nothing lost, nothing twice."""

import os
import random
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
pytestmark = pytest.mark.timeout(600)


def start(pile: Path, workspace: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "shoal", "map", str(pile), "--into", str(workspace), "--no-serve"]
    return subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


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
    began = time.monotonic()
    assert start(pile, tmp_path / "whole.shoal").wait() == 0
    seconds = time.monotonic() - began
    draw = random.Random(7)
    killed = 0
    for _ in range(KILLS):
        process = start(pile, tmp_path / "killed.shoal")
        try:
            process.wait(draw.uniform(0.05, 1.0) * seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            killed += 1
    assert start(pile, tmp_path / "killed.shoal").wait() == 0
    assert killed >= KILLS // 2
    whole, broken = content(tmp_path / "whole.shoal"), content(tmp_path / "killed.shoal")
    assert broken["keys"] == whole["keys"]
    assert len(set(broken["keys"])) == 640
    assert broken["counts"] == whole["counts"]
    assert broken["thumbnails"] == whole["thumbnails"]
    assert np.array_equal(broken["late"], whole["late"])
    assert np.array_equal(broken["early"], whole["early"])
