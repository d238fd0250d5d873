"""Make the workspace that the pictures are of: a demo's pictures, labelled by two people, learned twice.

Everything goes through `shoal demo` and the server, as people's gestures do; who labels what, and in which
order, is the same every time.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import APIRequestContext, Playwright
from tests.browser.page import Server

from shoal.workspace import Workspace

PEOPLE = ("Mina", "Jonas", "Mina")
ROUNDS = 2
LEARNED_S = 1800
POLL_S = 1.0
Gesture = tuple[str, str, list[int]]


def map_demo(workspace: Path, demo: str) -> None:
    """Fetch a demo's pictures and map them into a new workspace."""
    command = [sys.executable, "-m", "shoal", "demo", demo, "--no-serve", "--into", str(workspace)]
    subprocess.run(command, check=True, cwd=workspace.parent)


def teach(playwright: Playwright, server: Server) -> None:
    """Label and learn twice as two people by a demo's `truth.json`, label on, and take one gesture back."""
    request = playwright.request.new_context(base_url=server.base)
    request.get(server.door)
    for turn in range(ROUNDS + 1):
        for number, gesture in enumerate(gestures(server.workspace)):
            label(request, gesture, f"walkthrough-{turn}-{number:04}")
        if turn < ROUNDS:
            learn(request)
    undone = request.post("/api/undo", data={"request_id": "walkthrough-undo"}, headers=said_by("Mina"))
    assert undone.ok, undone.text()
    request.dispose()


def gestures(workspace: Path) -> list[Gesture]:
    """Return who labels what next, in turn: (who, class, ids), of each class what lies in its middle."""
    with Workspace.open(workspace) as opened:
        truth = json.loads((Path(opened.sources()[0]).parent / "truth.json").read_text())
        labels, names, map = opened.labels(), opened.items.names, opened.map()
        assert map is not None
        found = []
        for turn, name in enumerate(sorted(set(truth.values()))):
            here = np.array([id not in labels and truth.get(names[id]) == name for id in map.ids.tolist()])
            if not here.any():
                continue
            away = np.hypot(*(map.xy[here] - np.median(map.xy[here], axis=0)).T)
            nearest = map.ids[here][np.argsort(away, kind="stable")[: 14 + 5 * turn]]
            found.append((PEOPLE[turn % len(PEOPLE)], name, nearest.tolist()))
        return found


def label(request: APIRequestContext, gesture: Gesture, request_id: str) -> None:
    """Give some items a class, as one lasso of one person."""
    who, name, ids = gesture
    selection = {"map_id": None, "polygon": None, "ids": ids, "without": []}
    body = {"request_id": request_id, "selection": selection, "class_name": name, "how": "lasso"}
    answer = request.post("/api/labels", data=body, headers=said_by(who))
    assert answer.ok, answer.text()


def learn(request: APIRequestContext) -> None:
    """Learn a round and wait for its end."""
    body = {"kind": "learn", "parameters": {"loss": None, "layer": None}}
    job = request.post("/api/jobs", data=body)
    assert job.ok, job.text()
    end = time.monotonic() + LEARNED_S
    while (state := request.get("/api/jobs").json()[0]["state"]) in ("queued", "running"):
        assert time.monotonic() < end, f"learning took longer than {LEARNED_S} s"
        time.sleep(POLL_S)
    assert state == "done", state


def said_by(who: str) -> dict[str, str]:
    """Return the header that says who acts."""
    return {"X-Shoal-User": who}
