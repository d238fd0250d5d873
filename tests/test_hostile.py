"""Over forty hostile files through the whole command: all reported, none fatal, under a gigabyte."""

import json
import os
import subprocess
import sys
import threading

from tests.hostile import make_hostile
from tests.images.test_hostile_images import fits, tree_bytes


def test_a_hostile_pile_is_mapped_and_every_refusal_has_its_reason(tmp_path):
    expected = make_hostile(tmp_path / "pile")
    assert len(expected) >= 40
    target = tmp_path / "w.shoal"
    command = [
        sys.executable,
        "-m",
        "shoal",
        "map",
        str(tmp_path / "pile"),
        "--into",
        str(target),
        "--no-serve",
    ]
    peak, over = [0], threading.Event()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:

        def weigh() -> None:
            while not over.wait(0.05):
                peak[0] = max(peak[0], tree_bytes(process.pid))

        scales = threading.Thread(target=weigh)
        scales.start()
        said = process.stderr.read()
        code = process.wait(120)
        over.set()
        scales.join()
    assert code == 0, said
    assert "Traceback" not in said
    assert peak[0] < 1_000_000_000
    info = subprocess.run(
        [sys.executable, "-m", "shoal", "info", str(target), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    facts = json.loads(info.stdout)
    reasons = {row["name"]: row["reason"] for row in facts["skipped"]}
    refused = {key: want for key, want in expected.items() if want is not None}
    assert facts["items"]["embedded"] == len(expected) - len(refused)
    assert len(facts["skipped"]) == len(refused)
    assert all(reasons.values())
    plain = {os.fsdecode(key): want for key, want in refused.items() if key.isascii() and key.isalnum()}
    assert all(fits(reasons[name], want) for name, want in plain.items())
