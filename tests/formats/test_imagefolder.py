import csv
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.formats import EXPORTS, LabelRow, read_labels
from shoal.formats.imagefolder import Names, safe_name
from shoal.types import ItemError, ShoalError

NAMES = ["a/1.jpg", "b/1.jpg", "B/1.JPG", "plain", "..", "=x.png", "a\\b.png"]
CLASSES = [
    "cat",
    "CAT",
    "../up",
    "/etc",
    "a/b",
    ".hidden",
    "con",
    "NUL.txt",
    "x" * 300,
    "labels.csv",
    "q\n",
    "é",
    "é",
    "猫",
]


def row(name: str, class_name: str) -> LabelRow:
    return LabelRow(name, "s", class_name, "ada", "key", 0.0, 1, name.encode())


def export(rows: list[LabelRow], target: Path, said: list[str] | None = None) -> int:
    def read(item: LabelRow) -> bytes:
        if item.name == "broken.jpg":
            raise ItemError("it is torn")
        return item.name.encode()

    return EXPORTS.load("imagefolder")().write(
        rows, target, read=read, say=None if said is None else said.append
    )


def table(target: Path) -> list[dict[str, str]]:
    with (target / "labels.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_folder_per_class_by_hand(tmp_path: Path):
    target = tmp_path / "out"
    assert export([row("p/1.jpg", "cat"), row("q/1.jpg", "cat"), row("r/2.jpg", "dog")], target) == 3
    assert sorted(str(p.relative_to(target)) for p in target.rglob("*.jpg")) == [
        "cat/1-2.jpg",
        "cat/1.jpg",
        "dog/2.jpg",
    ]
    assert (target / "cat/1-2.jpg").read_bytes() == b"q/1.jpg"
    assert [(line["path"], line["class"], line["file"]) for line in table(target)] == [
        ("p/1.jpg", "cat", "cat/1.jpg"),
        ("q/1.jpg", "cat", "cat/1-2.jpg"),
        ("r/2.jpg", "dog", "dog/2.jpg"),
    ]


def test_hostile_names_stay_inside_apart_and_reversible(tmp_path: Path):
    target = tmp_path / "out"
    rows = [row(name, class_name) for class_name in CLASSES for name in NAMES]
    assert export(rows, target) == len(rows)
    assert os.listdir(tmp_path) == ["out"]
    folders = [entry.name for entry in target.iterdir() if entry.is_dir()]
    assert len({name.casefold() for name in folders}) == len(CLASSES) - 1, (
        "é and é are one class or two, never lost"
    )
    files = [p for p in target.rglob("*") if p.is_file() and p.name != "labels.csv"]
    assert len(files) == len(rows)
    for line, expected in zip(table(target), rows, strict=True):
        assert (target / line["file"].removeprefix("'")).read_bytes() == expected.name.encode()
    pairs, _ = read_labels(target / "labels.csv")
    assert {pair.path for pair in pairs} == set(NAMES)


def test_an_item_that_cannot_be_read_is_left_out_and_told(tmp_path: Path):
    said: list[str] = []
    assert export([row("broken.jpg", "cat"), row("a.jpg", "cat")], tmp_path / "out", said) == 1
    assert said == ["broken.jpg is left out: it is torn"]
    assert [line["path"] for line in table(tmp_path / "out")] == ["a.jpg"]


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(ShoalError, match="not an empty folder"):
        export([row("a.jpg", "cat")], tmp_path)
    with pytest.raises(ShoalError, match="not an empty folder"):
        export([row("a.jpg", "cat")], tmp_path / "mine.txt")
    assert os.listdir(tmp_path) == ["mine.txt"]


def test_an_empty_folder_is_used(tmp_path: Path):
    (tmp_path / "out").mkdir()
    assert export([row("a.jpg", "cat")], tmp_path / "out") == 1
    assert (tmp_path / "out" / "cat" / "a.jpg").exists()


def test_a_failure_leaves_nothing(tmp_path: Path):
    def read(item: LabelRow) -> bytes:
        if item.name == "2.jpg":
            raise RuntimeError("power cut")
        return b"x"

    with pytest.raises(RuntimeError):
        EXPORTS.load("imagefolder")().write(
            [row("1.jpg", "cat"), row("2.jpg", "cat")], tmp_path / "out", read=read
        )
    assert os.listdir(tmp_path) == []


def test_what_a_folder_cannot_do_is_refused(tmp_path: Path):
    with pytest.raises(ShoalError, match="a way to read"):
        EXPORTS.load("imagefolder")().write([], tmp_path / "out")
    with pytest.raises(ShoalError, match="one file"):
        EXPORTS.load("imagefolder")().dump([])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cat", "cat"),
        ("a/b", "a_b"),
        ("..", "__"),
        (".git", "_git"),
        ("con", "_con"),
        ("COM1.jpg", "_COM1.jpg"),
        ("console", "console"),
        ("", "_"),
        ("end. ", "end_"),
        ("caf\udce9", "caf_xe9"),
        ("x" * 300 + ".jpeg", "x" * 115 + ".jpeg"),
        ("é" * 300, "é" * 60),
    ],
)
def test_safe_names_by_hand(text: str, expected: str):
    assert safe_name(text) == expected


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.text(), st.binary().map(os.fsdecode), st.text("aA./-2", max_size=4)), max_size=20)
)
def test_any_names_become_files_that_can_lie_together(
    tmp_path_factory: pytest.TempPathFactory, wanted: list[str]
):
    names = Names(set())
    taken = [names.take(text) for text in wanted]
    assert len({name.casefold() for name in taken}) == len(wanted)
    folder = tmp_path_factory.mktemp("names")
    for name in taken:
        (folder / name).write_bytes(b"")
    assert sorted(os.listdir(folder)) == sorted(taken)
    assert not [name for name in taken if name.startswith(".") or name.endswith((".", " "))]
