"""`kill -9` at random moments: what was acknowledged is there, what was half done is done again, once."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tests.workspace.piles import LAYERS, MemoryPile, embed_all, labelled_workspace, numbered

from shoal.workspace import Workspace

ROOT = Path(__file__).parents[2]
KILLS_OF_LABELLERS = 20
KILLS_OF_COMMITTERS = 10
pytestmark = [pytest.mark.alone, pytest.mark.timeout(1200)]

LABELLER = """
import json, random, sys
from shoal.workspace import Workspace
path, user, seed, most = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
draw = random.Random(seed)
log = Workspace.open(path).log
print("ready", flush=True)
for n in range(most):
    act = draw.choice(["label", "label", "label", "clear", "undo", "redo"])
    ids = draw.sample(range(2000), draw.randint(1, 600))
    if act in ("label", "clear"):
        name = draw.choice(["cat", "dog", f"class of {user}"]) if act == "label" else None
        written = log.label(ids, name, user=user, how="lasso", request_id=f"{user}-{seed}-{n}")
    else:
        written = getattr(log, act)(user=user, request_id=f"{user}-{seed}-{n}")
    if written:
        said = {"seq": written.seq, "kind": act, "ids": sorted(ids) if act in ("label", "clear") else None}
        print(json.dumps(said | {"user": user, "name": name if act == "label" else None}), flush=True)
"""

COMMITTER = """
import sys, time
sys.path.insert(0, sys.argv[2])
from shoal.workspace import Workspace
from tests.workspace.piles import LAYERS, embed, numbered
pile = numbered(3000)
with Workspace.open(sys.argv[1], create=True) as ws, ws.embedding_lock():
    print("ready", flush=True)
    ws.reconcile(pile)
    ws.use_backbone("net", "net-1", LAYERS)
    for shard in ws.pending_shards():
        ws.commit_shard(shard, embed(shard, pile))
        print(shard.number, flush=True)
"""


def start(code, *arguments):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def acknowledged(process, lines=()):
    """Every whole line that the process has printed, after those read; the last may have been cut."""
    lines = [*lines, *process.stdout.read().split("\n")[:-1]]
    return [json.loads(line) for line in lines if line != "ready"]


def replayed(events, count):
    """The labels by a plain replay of acknowledged events: seq -> event."""
    gestures, undone, stacks = {}, set(), {}
    for seq in sorted(events):
        event = events[seq]
        done, back = stacks.setdefault(event["user"], ([], []))
        if event["ids"] is not None:
            gestures[seq] = event
            done.append(seq)
            back.clear()
        elif event["kind"] == "undo":
            back.append(done.pop())
            undone.add(back[-1])
        else:
            done.append(back.pop())
            undone.discard(done[-1])
    labels = [None] * count
    for seq, event in gestures.items():
        if seq not in undone:
            for id in event["ids"]:
                labels[id] = event["name"]
    return labels


def read_log(ws):
    """Every event as the catalogue has it, decoded without the code under test's replay."""
    import zlib

    events = {}
    with ws._catalogue.read() as connection:
        names = dict(tuple(row) for row in connection.exec_driver_sql("SELECT id, name FROM classes"))
        for seq, kind, user, class_id, blob in connection.exec_driver_sql(
            "SELECT seq, kind, user, class_id, item_ids FROM events"
        ):
            ids = None
            if blob is not None:
                planes = np.frombuffer(zlib.decompress(blob), np.uint8).reshape(4, -1).astype(np.int64)
                ids = np.cumsum(planes[0] + 256 * planes[1] + 65536 * planes[2]).tolist()
            name = names[class_id] if class_id is not None and ids is not None else None
            events[seq] = {"seq": seq, "kind": kind, "user": user, "ids": ids, "name": name}
    return events


def current(ws):
    names = {row.id: row.name for row in ws.log.classes()}
    return [names.get(class_id) for class_id in ws.log.current().tolist()]


def test_every_acknowledged_label_survives_kill_9(tmp_path):
    draw = random.Random(5)
    labelled_workspace(tmp_path / "w", 2000).close()
    said = {}
    for kill in range(KILLS_OF_LABELLERS):
        process = start(LABELLER, tmp_path / "w", "ada", kill, 10**6)
        assert process.stdout.readline() == "ready\n"
        began, read = time.monotonic(), [process.stdout.readline() for _ in range(draw.randint(2, 30))]
        # at any moment within the next event, however quick the machine
        time.sleep(draw.uniform(0.0, 1.0) * (time.monotonic() - began) / len(read))
        process.send_signal(signal.SIGKILL)
        said |= {event["seq"]: event for event in acknowledged(process, read)}
        assert process.wait() == -signal.SIGKILL
    with Workspace.open(tmp_path / "w") as ws:
        stored = read_log(ws)
        assert len(said) > KILLS_OF_LABELLERS
        assert {seq: stored.get(seq) for seq in said} == said
        assert len(stored) - len(said) <= KILLS_OF_LABELLERS, "one unanswered event a kill at most"
        assert current(ws) == replayed(stored, 2000)
        assert ws.verify() == []


def test_processes_that_label_at_once_lose_nothing(tmp_path):
    labelled_workspace(tmp_path / "w", 2000).close()
    writers = [start(LABELLER, tmp_path / "w", user, n, 60) for n, user in enumerate(["ada", "bob", "carol"])]
    doomed = start(LABELLER, tmp_path / "w", "dora", 3, 10**6)
    assert doomed.stdout.readline() == "ready\n"
    read = [doomed.stdout.readline() for _ in range(20)]
    doomed.kill()
    said = [event for process in writers for event in acknowledged(process)] + acknowledged(doomed, read)
    assert [process.wait() for process in writers] == [0, 0, 0]
    doomed.wait()
    with Workspace.open(tmp_path / "w") as ws:
        stored = read_log(ws)
        assert len({event["seq"] for event in said}) == len(said)
        assert {event["seq"]: stored.get(event["seq"]) for event in said} == {e["seq"]: e for e in said}
        assert sum(event["user"] != "dora" for event in said) == sum(
            e["user"] != "dora" for e in stored.values()
        )
        assert current(ws) == replayed(stored, 2000)
        assert ws.verify() == []


def content(path):
    with Workspace.open(path) as ws:
        assert ws.verify() == []
        items = ws.items
        return {
            "keys": list(items.keys),
            "status": items.status.tolist(),
            "counts": ws.counts(),
            "vectors": [ws.embedding(layer.name).vectors.tolist() for layer in LAYERS],
            "ids": ws.embedding().ids.tolist(),
            "thumbnails": ws.thumbnails(range(3000), 64),
            "sizes": ws.sizes().tolist(),
        }


def committer(path):
    """One at work on the pile, past its imports."""
    process = start(COMMITTER, path, ROOT)
    assert process.stdout.readline() == "ready\n"
    return process


def test_a_killed_embedding_is_finished_as_if_unbroken(tmp_path):
    draw = random.Random(3)
    for name in ("cold", "whole"):  # the first takes longer than those that follow
        process, began = committer(tmp_path / name), time.monotonic()
        assert process.wait() == 0
        seconds = time.monotonic() - began
    whole = content(tmp_path / "whole")
    assert whole["counts"].embedded == 3000
    path, killed, finished = tmp_path / "broken", 0, 0
    while killed < KILLS_OF_COMMITTERS:
        process = committer(path)
        time.sleep(draw.uniform(0.0, 0.8) * seconds)
        process.kill()
        if process.wait() == 0:  # the quicker one: nothing is left to be killed, so begin anew
            assert content(path) == whole
            finished += 1
            path = tmp_path / f"broken after {finished}"
            continue
        killed += 1
        with Workspace.open(path) as ws:
            counts = ws.counts()
            assert counts.embedded + counts.pending == counts.total
    assert committer(path).wait() == 0
    assert content(path) == whole


def test_the_lock_dies_with_its_holder(tmp_path):
    labelled_workspace(tmp_path / "w", 5).close()
    code = (
        "import sys, time; from shoal.workspace import Workspace\n"
        "with Workspace.open(sys.argv[1]).embedding_lock(): print('held', flush=True); time.sleep(60)"
    )
    holder = start(code, tmp_path / "w")
    assert holder.stdout.readline() == "held\n"
    with Workspace.open(tmp_path / "w") as ws:
        with pytest.raises(Exception, match=f"process {holder.pid}"), ws.embedding_lock():
            pass
        ws.log.label([0], "cat", user="u", how="key")
        holder.kill()
        holder.wait()
        with ws.embedding_lock():
            embed_all(ws, numbered(5))
    assert isinstance(numbered(1), MemoryPile)
