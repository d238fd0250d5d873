"""The folder source: everything listed once, nothing opened while listing, nothing waited for."""

import os
import shutil
import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shoal.sources import SOURCES, open_source
from shoal.sources import folder as module
from shoal.sources.folder import FolderSource, SourceError
from shoal.types import Found, ItemError, ShoalError, Skipped


def put(root: Path, *names: str, data: bytes = b"data") -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)


def keys(source: FolderSource) -> list[bytes]:
    return [entry.key for entry in source.scan() if isinstance(entry, Found)]


def reasons(source: FolderSource) -> dict[bytes, str]:
    return {entry.key: entry.reason for entry in source.scan() if isinstance(entry, Skipped)}


def test_files_are_listed_in_a_stable_order_with_their_facts(tmp_path: Path) -> None:
    put(tmp_path, "b.png", "a.jpg", "z/1.webp", "c/d/e.gif", "c/a.bmp", "B.TIFF")
    source = FolderSource(tmp_path)
    assert keys(source) == [b"B.TIFF", b"a.jpg", b"b.png", b"c/a.bmp", b"c/d/e.gif", b"z/1.webp"]
    first = next(source.scan())
    facts = (tmp_path / "B.TIFF").stat()
    assert first == Found(b"B.TIFF", 4, facts.st_mtime_ns)
    assert list(source.scan()) == list(source.scan())


def test_hidden_entries_and_workspaces_are_passed_over(tmp_path: Path) -> None:
    put(
        tmp_path, ".hidden.jpg", ".cache/a.jpg", "mine.shoal/thumbs/b.jpg", "in/other.shoal/c.jpg", "seen.jpg"
    )
    assert [entry.key for entry in FolderSource(tmp_path).scan()] == [b"seen.jpg"]
    shutil.copytree(tmp_path / "in", tmp_path / ".pile")
    put(tmp_path, ".pile/d.jpg")
    assert keys(FolderSource(tmp_path / ".pile")) == [b"d.jpg"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("photo.JPG", None),
        ("photo.jfif", None),
        ("no suffix", None),
        ("Mr. Smith and a long tail", None),
        ("ends with a dot.", None),
        ("photo.jpg?width=200", None),
        ("photo.jpeg~", None),
        ("photo.png:large", None),
        ("notes.txt", "not an image by its name (.txt)"),
        ("archive.tar.gz", "not an image by its name (.gz)"),
        ("phone.HeIc", "a picture that cannot be decoded (.HeIc); convert it to JPEG or PNG"),
        ("bad.\udcff", "not an image by its name (.\\udcff)"),
    ],
)
def test_names_decide_without_opening(tmp_path: Path, name: str, reason: str | None) -> None:
    put(tmp_path, name)
    found = list(FolderSource(tmp_path).scan())
    assert [entry.key for entry in found] == [os.fsencode(name)]
    assert getattr(found[0], "reason", None) == reason


def test_scanning_opens_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "a.jpg", "b/c.jpg")
    real, opened = os.open, []
    monkeypatch.setattr(os, "open", lambda path, *rest, **options: opened.append(path) or real(path, *rest))
    source = FolderSource(tmp_path)
    assert len(keys(source)) == 2
    assert opened == []
    source.read(b"a.jpg")
    assert len(opened) == 1


def test_special_files_are_named_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s.jpg"))
    put(tmp_path, "empty.jpg", data=b"")
    source = FolderSource(tmp_path)
    assert reasons(source) == {
        b"empty.jpg": "the file is empty",
        b"pipe.jpg": "a named pipe, not a file",
        b"s.jpg": "a socket, not a file",
    }
    for key, reason in ((b"pipe.jpg", "named pipe"), (b"s.jpg", "cannot be read"), (b"empty.jpg", "empty")):
        with pytest.raises(ItemError, match=reason):
            source.read(key)


def test_size_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "large.jpg", data=bytes(100))
    put(tmp_path, "right.jpg", data=bytes(99))
    monkeypatch.setattr(module, "LARGEST_FILE", 99)
    source = FolderSource(tmp_path)
    assert reasons(source) == {b"large.jpg": "100 bytes are more than the 99 that are read"}
    assert len(source.read(b"right.jpg")) == 99
    with pytest.raises(ItemError, match="more than"):
        source.read(b"large.jpg")


def test_links(tmp_path: Path) -> None:
    put(tmp_path, "pile/a.jpg", "elsewhere/b.jpg")
    pile = tmp_path / "pile"
    (pile / "file.jpg").symlink_to("../elsewhere/b.jpg")
    (pile / "folder").symlink_to("../elsewhere")
    (pile / "round").symlink_to(".")
    (pile / "self.jpg").symlink_to("self.jpg")
    (pile / "nowhere.jpg").symlink_to("/nonexistent")
    source = FolderSource(pile)
    assert keys(source) == [b"a.jpg", b"file.jpg"]
    assert source.read(b"file.jpg") == b"data"
    told = reasons(source)
    assert sorted(told) == [b"folder", b"nowhere.jpg", b"round", b"self.jpg"]
    assert "not followed" in told[b"folder"]
    assert "leads nowhere" in told[b"self.jpg"]
    (tmp_path / "door").symlink_to(pile)
    assert keys(FolderSource(tmp_path / "door")) == [b"a.jpg", b"file.jpg"]


def test_a_folder_met_twice_is_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "a/1.jpg", "b/2.jpg")
    facts = os.stat(tmp_path / "a")
    real = os.stat
    mounted = os.fsencode(tmp_path / "b") + b"/"
    monkeypatch.setattr(os, "stat", lambda path, **o: facts if path == mounted else real(path, **o))
    source = FolderSource(tmp_path)
    assert keys(source) == [b"a/1.jpg"]
    assert reasons(source) == {b"b/": "the folder is a second way to one that is already listed"}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.binary(min_size=1, max_size=60).filter(
        lambda name: not set(name) & {0, 47} and not name.startswith(b".") and not name.endswith(b".shoal")
    )
)
def test_every_name_a_file_can_have_comes_through(tmp_path: Path, name: bytes) -> None:
    root = tmp_path / "pile"
    shutil.rmtree(root, ignore_errors=True)
    (root / "sub").mkdir(parents=True)
    for key in (name + b".jpg", b"sub/" + name + b".png"):
        Path(os.fsdecode(os.fsencode(root) + b"/" + key)).write_bytes(key)
    source = open_source(str(root))
    assert sorted(keys(source)) == sorted([name + b".jpg", b"sub/" + name + b".png"])
    assert all(source.read(key) == key for key in keys(source))


def test_a_root_with_a_strange_name_comes_back_from_its_uri(tmp_path: Path) -> None:
    root = os.fsencode(tmp_path) + b"/\xff: folder:\n"
    os.mkdir(root)
    Path(os.fsdecode(root + b"/a.jpg")).write_bytes(b"a")
    source = open_source(os.fsdecode(root))
    again = open_source(source.uri)
    assert again.uri == source.uri == os.fsdecode(root)
    assert again.read(b"a.jpg") == b"a"


def test_reading_refuses_what_is_gone_or_outside(tmp_path: Path) -> None:
    put(tmp_path, "pile/a.jpg", "secret.jpg")
    (tmp_path / "pile" / "folder").mkdir()
    source = FolderSource(tmp_path / "pile")
    handles = len(os.listdir("/proc/self/fd"))
    for key, reason in (
        (b"gone.jpg", "no such file"),
        (b"folder", "a folder, not a file"),
        (b"../secret.jpg", "out of the folder"),
        (os.fsencode(tmp_path / "secret.jpg"), "out of the folder"),
        (b"nul\x00.jpg", "cannot be read"),
        (b"n" * 300, "path is too long"),
    ):
        with pytest.raises(ItemError, match=reason):
            source.read(key)
    assert len(os.listdir("/proc/self/fd")) == handles


def test_a_folder_that_goes_away_is_not_an_empty_one(tmp_path: Path) -> None:
    put(tmp_path, "pile/a.jpg")
    source = FolderSource(tmp_path / "pile")
    shutil.rmtree(tmp_path / "pile")
    with pytest.raises(SourceError, match="cannot be listed: no such file"):
        list(source.scan())


def test_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "pile/a.jpg")
    monkeypatch.chdir(tmp_path)
    for uri in ("pile", "./pile/", "folder:pile", str(tmp_path / "pile"), f"folder:{tmp_path}/pile"):
        source = open_source(uri)
        assert source.uri == str(tmp_path / "pile")
        assert [entry.key for entry in source.scan()] == [b"a.jpg"]
    (tmp_path / "odd:name").mkdir()
    assert open_source("odd:name").uri == str(tmp_path / "odd:name")


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("gone", "cannot be opened: no such file"),
        ("file.jpg", "is a file. Give the folder"),
        ("bucket://photos", "no source 'bucket'"),
        ("nul\x00", "cannot be opened"),
        ("", "is empty"),
    ],
)
def test_refusals(uri: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "file.jpg")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ShoalError, match=said):
        open_source(uri)


def test_the_registry_names_the_folder() -> None:
    assert SOURCES.names()[0] == "folder"
    assert SOURCES.load("folder") is FolderSource
