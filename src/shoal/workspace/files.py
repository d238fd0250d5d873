"""Files that are whole or not there: written aside, flushed to the disk, then renamed; read with a check."""

import os
import time
import uuid
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shoal.workspace.errors import WorkspaceError

TEMPORARY = ".tmp-"
LEASE_S = 3600.0
"""A nameless file younger than this may belong to a process that is about to name it."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file on the disk: its name within the workspace, its length in bytes and the CRC-32 of them."""

    name: str
    bytes: int
    crc32: int


def unique_name(stem: str, suffix: str) -> str:
    """Return `stem` with twelve random hex digits and `suffix`: no file is ever overwritten."""
    return f"{stem}-{uuid.uuid4().hex[:12]}{suffix}"


def write_all(root: Path, contents: Iterable[tuple[str, bytes]]) -> list[Written]:
    """Write each (name below `root`, bytes) so that it survives a power cut, and return what was written.

    Raises `WorkspaceError` when the disk refuses, after removing what had been written.
    """
    made: list[Path] = []
    try:
        return _write_all(root, contents, made)
    except OSError as error:
        for path in made:
            _remove(path)
        raise WorkspaceError(
            f"cannot write into workspace {root}: {error.strerror or error}. Nothing of this step was kept, "
            "what was saved before stays. Free some space or check the permissions, then run it again."
        ) from error


def _write_all(root: Path, contents: Iterable[tuple[str, bytes]], made: list[Path]) -> list[Written]:
    written: list[Written] = []
    renames: list[tuple[Path, Path]] = []
    for name, data in contents:
        target = root / name
        temporary = target.with_name(TEMPORARY + target.name)
        made += [temporary, target]
        _write_through(temporary, data)
        renames.append((temporary, target))
        written.append(Written(name, len(data), zlib.crc32(data)))
    for temporary, target in renames:
        os.rename(temporary, target)
    for folder in {target.parent for _, target in renames}:
        sync_folder(folder)
    return written


def _write_through(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_checked(root: Path, file: Written) -> bytes:
    """Return the bytes of `file`; raises `WorkspaceError` naming it when it is missing or damaged.

    Reads, never maps: a mapped file that is truncated meanwhile would kill the process.
    """
    problem = "is missing"
    try:
        with open(root / file.name, "rb", buffering=0) as stream:
            data = stream.read()
    except FileNotFoundError:
        pass
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error})"
    else:
        problem = damage(data, file)
        if not problem:
            return data
    raise WorkspaceError(
        f"{root / file.name} {problem}. `shoal verify` lists all that is damaged; `shoal verify --repair` "
        "sets damaged vectors, thumbnails and maps aside, so that `shoal map` makes them anew."
    )


def damage(data: bytes, file: Written) -> str:
    """Say what is wrong with `data` as the content of `file`; empty when nothing is."""
    if len(data) != file.bytes:
        return f"is damaged: {len(data)} bytes instead of {file.bytes}"
    return "" if zlib.crc32(data) == file.crc32 else "is damaged: its checksum differs"


def unreferenced(root: Path, folders: Iterable[str], named: set[str]) -> list[str]:
    """List the files in `folders` below `root` that are not in `named`, sorted."""
    return sorted(
        f"{folder}/{entry.name}"
        for folder in folders
        if (root / folder).is_dir()
        for entry in os.scandir(root / folder)
        if f"{folder}/{entry.name}" not in named
    )


def remove_stale(root: Path, names: Iterable[str], *, lease_s: float = LEASE_S) -> None:
    """Delete those of `names` below `root` that have not been written to for `lease_s` seconds."""
    before = time.time() - lease_s
    for name in names:
        try:
            stale = (root / name).stat().st_mtime < before
        except OSError:
            continue
        if stale:
            _remove(root / name)


def remove(root: Path, names: Iterable[str]) -> None:
    """Delete files below `root` that no row names any longer; one that is gone already is fine."""
    for name in names:
        _remove(root / name)


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except OSError:
        return
