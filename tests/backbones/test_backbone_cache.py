import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from shoal.backbones.cache import cached
from shoal.folders import cache_folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHOAL_CACHE", str(tmp_path))
    return tmp_path / "backbones"


class Build:
    """Counts how often it had to work."""

    def __init__(self, content: bytes = b"a network") -> None:
        self.content, self.times = content, 0

    def __call__(self) -> bytes:
        self.times += 1
        return self.content


def test_the_folder_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SHOAL_CACHE", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert cache_folder() == tmp_path / ".cache" / "shoal"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
    assert cache_folder() == tmp_path / ".cache" / "shoal"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "shoal"
    monkeypatch.setenv("SHOAL_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"


def test_a_user_without_a_home_gets_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError

    monkeypatch.delenv("SHOAL_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    assert cache_folder() is None
    assert cached("net", ".onnx", Build()) == b"a network"


def test_it_builds_once_and_leaves_one_file(folder: Path) -> None:
    build = Build()
    assert cached("net", ".onnx", build) == cached("net", ".onnx", build) == b"a network"
    assert build.times == 1
    assert len(list(folder.iterdir())) == 1


def test_other_stems_are_other_files(folder: Path) -> None:
    cached("net-1", ".onnx", Build(b"one"))
    assert cached("net", ".onnx", Build(b"two")) == b"two"
    assert cached("net-1", ".onnx", Build(b"never")) == b"one"


@pytest.mark.parametrize("damage", [b"", b"a netwo", b"A network", b"a network and more"])
def test_a_damaged_file_is_replaced(folder: Path, damage: bytes) -> None:
    build = Build()
    cached("net", ".onnx", build)
    (file,) = folder.iterdir()
    file.write_bytes(damage)
    assert cached("net", ".onnx", build) == b"a network"
    assert build.times == 2
    assert file.read_bytes() == b"a network"


def test_many_at_once_all_get_it_and_leave_one_file(folder: Path) -> None:
    together = Barrier(8)

    def build() -> bytes:
        together.wait(timeout=10)
        return b"x" * 1_000_000

    with ThreadPoolExecutor(8) as pool:
        got = set(pool.map(lambda _: cached("net", ".onnx", build), range(8)))
    assert got == {b"x" * 1_000_000}
    assert len(list(folder.iterdir())) == 1


def test_a_build_that_fails_leaves_nothing(folder: Path) -> None:
    def build() -> bytes:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        cached("net", ".onnx", build)
    assert not folder.exists()


def test_a_disk_that_is_full_leaves_nothing_half_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert cached("net", ".onnx", Build()) == b"a network"
    assert list(folder.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a file").write_text("in the way")
    monkeypatch.setenv("SHOAL_CACHE", str(tmp_path / "a file"))
    assert cached("net", ".onnx", Build()) == b"a network"
