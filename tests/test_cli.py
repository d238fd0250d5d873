"""The command line as a user drives it: real processes, a small backbone that needs no weights."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.pictures import paint_pile


def shoal(*arguments: object, code: int = 0, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "shoal", *map(str, arguments)],
        capture_output=True,
        check=False,
        text=True,
        cwd=cwd,
        timeout=120,
    )
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def pile(tmp_path_factory) -> Path:
    folder = paint_pile(tmp_path_factory.mktemp("pile") / "pictures", per_group=20)
    (folder / "notes.txt").write_text("not a picture")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and then nothing")
    return folder


@pytest.fixture(scope="module")
def workspace(pile, tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("work") / "pictures.shoal"
    shoal("map", pile, "--into", target, "--backbone", "placeholder", "--no-serve")
    return target


def test_help_names_every_verb():
    text = shoal("--help").stdout
    for verb in ("map", "serve", "info", "label", "export", "picture", "verify", "demo"):
        assert verb in text


def test_info_counts_what_there_is_and_why_the_rest_is_not(workspace):
    facts = json.loads(shoal("info", workspace, "--json").stdout)
    counts = {"total": 82, "embedded": 80, "pending": 0, "skipped": 2, "removed": 0}
    assert facts["items"] == counts
    reasons = {row["name"]: row["reason"] for row in facts["skipped"]}
    assert set(reasons) == {"notes.txt", "broken.jpg"}
    assert facts["maps"][-1]["items"] == 80
    assert facts["maps"][-1]["final"] is True
    assert "80 embedded" in shoal("info", workspace).stdout


def test_the_same_command_again_changes_nothing(workspace, pile):
    before = json.loads(shoal("info", workspace, "--json").stdout)
    again = shoal("map", pile, "--into", workspace, "--backbone", "placeholder", "--no-serve", "--json")
    assert json.loads(again.stdout)["added"] == 0
    assert json.loads(shoal("info", workspace, "--json").stdout) == before


def test_added_changed_and_removed_files_are_noticed(tmp_path):
    pile = paint_pile(tmp_path / "pile", per_group=5)
    run = ["map", pile, "--into", tmp_path / "w.shoal", "--backbone", "placeholder", "--no-serve", "--json"]
    shoal(*run)
    (pile / "red" / "red0000.png").unlink()
    (pile / "green" / "green0001.png").write_bytes((pile / "blue" / "blue0001.png").read_bytes() + b" ")
    (pile / "new.png").write_bytes((pile / "blue" / "blue0002.png").read_bytes())
    summary = json.loads(shoal(*run).stdout)
    assert (summary["added"], summary["changed"], summary["removed"]) == (1, 1, 1)
    assert summary["embedded"] == 20


def test_labels_go_in_and_come_out(workspace, tmp_path):
    given = tmp_path / "given.csv"
    given.write_text("path,class\nred/red0000.png,warm\nred/red0001.png,warm\nnowhere.png,warm\n")
    assert "labelled 2 items" in shoal("label", workspace, "--from", given).stdout
    for name in ("out.csv", "out.jsonl", "out.parquet"):
        shoal("export", workspace, "--to", tmp_path / name)
    with (tmp_path / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    got = sorted((row["path"], row["class"]) for row in rows)
    assert got == [("red/red0000.png", "warm"), ("red/red0001.png", "warm")]
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert [json.loads(line)["class"] for line in lines] == ["warm", "warm"]
    shoal("export", workspace, "--to", tmp_path / "folders")
    assert sorted(path.name for path in (tmp_path / "folders" / "warm").iterdir()) == [
        "red0000.png",
        "red0001.png",
    ]


def test_picture_is_drawn(workspace, tmp_path):
    from PIL import Image

    shoal("picture", workspace, "--to", tmp_path / "map.png")
    with Image.open(tmp_path / "map.png") as image:
        assert len(image.convert("RGB").getcolors(1 << 24)) > 100


def test_verify_finds_one_flipped_bit(pile, tmp_path):
    target = tmp_path / "w.shoal"
    shoal("map", pile, "--into", target, "--backbone", "placeholder", "--no-serve")
    assert "whole" in shoal("verify", target).stdout
    victim = max(
        (path for path in target.rglob("*") if path.suffix in {".arrow", ".pack"}),
        key=lambda p: p.stat().st_size,
    )
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    assert victim.name in shoal("verify", target, code=1).stdout


def test_a_changed_picture_moves_to_its_new_neighbours(tmp_path):
    import numpy as np

    from shoal.workspace import Workspace

    pile = paint_pile(tmp_path / "pile", per_group=40)
    target = tmp_path / "w.shoal"
    run = ["map", pile, "--into", target, "--backbone", "placeholder", "--no-serve"]
    shoal(*run)
    (pile / "red" / "red0000.png").write_bytes((pile / "blue" / "blue0001.png").read_bytes())
    shoal(*run)
    with Workspace.open(target) as workspace:
        drawn, names = workspace.map(), list(workspace.items.names)
        at = {names[item]: drawn.xy[row] for row, item in enumerate(drawn.ids)}
    blue = np.mean([xy for name, xy in at.items() if name.startswith("blue")], axis=0)
    red = np.mean([xy for name, xy in at.items() if name.startswith("red")], axis=0)
    changed = at["red/red0000.png"]
    assert np.linalg.norm(changed - blue) < np.linalg.norm(changed - red)


def test_a_refused_option_does_not_stick(tmp_path):
    pile = paint_pile(tmp_path / "pile", per_group=3)
    run = ["map", pile, "--into", tmp_path / "w.shoal", "--no-serve"]
    shoal(*run, "--backbone", "placeholder")
    assert "no layer 'bogus'" in shoal(*run, "--layer", "bogus", code=1).stderr
    assert "placeholder" in shoal(*run, "--backbone", "efficientnet_lite0", code=1).stderr
    assert "--fast" in shoal(*run, "--fast", code=1).stderr
    (pile / "new.png").write_bytes((pile / "red" / "red0000.png").read_bytes() + b" ")
    assert json.loads(shoal(*run, "--json").stdout)["embedded"] == 13


def test_labels_leave_when_the_pile_is_away(tmp_path):
    pile = paint_pile(tmp_path / "pile", per_group=3)
    shoal("map", pile, "--into", tmp_path / "w.shoal", "--backbone", "placeholder", "--no-serve")
    (tmp_path / "given.csv").write_text("path,class\nred/red0000.png,warm\n")
    shoal("label", tmp_path / "w.shoal", "--from", tmp_path / "given.csv")
    pile.rename(tmp_path / "elsewhere")
    shoal("export", tmp_path / "w.shoal", "--to", tmp_path / "out.csv")
    assert "warm" in (tmp_path / "out.csv").read_text()
    assert "left as it was" in shoal("map", tmp_path / "w.shoal", "--no-serve").stderr
    assert "3 embedded" not in shoal("info", tmp_path / "w.shoal").stdout


def test_piles_that_would_mix_are_refused(tmp_path):
    for place in ("work", "holiday"):
        paint_pile(tmp_path / place / "images", per_group=2)
    run = ["--backbone", "placeholder", "--no-serve"]
    shoal("map", "work/images", "work/images/", *run, cwd=tmp_path)
    done = shoal("map", "holiday/images", *run, cwd=tmp_path, code=1)
    assert "--into" in done.stderr
    assert "lies within" in shoal("map", "work", "work/images", *run, cwd=tmp_path, code=1).stderr
    assert "not a pile" in shoal("map", "work", "images.shoal", *run, cwd=tmp_path, code=1).stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["info", "nowhere"], "nowhere"),
        (["map", "nowhere", "--no-serve"], "nowhere"),
        (["map", ".", "--into", "w.shoal", "--backbone", "resnet", "--no-serve"], "no backbone 'resnet'"),
        (["map", ".", "--into", "w.shoal", "--backbone", "placeholder", "--no-serve"], "none is an image"),
    ],
)
def test_a_refusal_is_one_sentence_not_a_traceback(tmp_path, arguments, says):
    done = shoal(*arguments, code=1, cwd=tmp_path)
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_another_backbone_is_refused_by_name(workspace, pile):
    (pile / "one_more.png").write_bytes((pile / "red" / "red0000.png").read_bytes())
    try:
        done = shoal(
            "map", pile, "--into", workspace, "--backbone", "efficientnet_lite0", "--no-serve", code=1
        )
    finally:
        (pile / "one_more.png").unlink()
    assert "placeholder" in done.stderr
    assert "efficientnet_lite0" in done.stderr
