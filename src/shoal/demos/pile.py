"""What a demo gives, and how it is kept: built aside, then renamed into place once it is whole."""

import json
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from shoal.types import ShoalError

Say = Callable[[str], None]

PICTURES = "pictures"
TRUTH = "truth.json"
LICENCE = "LICENCE.txt"
_ABANDONED_AFTER_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Pile:
    """A folder of images, and the true class by key (the path within the folder) as far as it is known."""

    path: Path
    truth: dict[bytes, str] | None


class Demo(Protocol):
    """A pile of pictures that can be fetched; the true classes are only ever used to measure quality."""

    name: str
    licence: str
    description: str

    def fetch(self, folder: Path, say: Say) -> Pile:
        """Return the pile, fetched into `folder` unless it is there; raise `ShoalError` where that fails."""
        ...


@dataclass(frozen=True, slots=True)
class Draft:
    """A pile while it is being built: where things belong, before the whole is renamed into place."""

    root: Path

    @property
    def downloads(self) -> Path:
        """Return the folder for archives; it is not kept."""
        return self.root / "downloads"

    def add(self, name: str, data: bytes) -> None:
        """Write one picture under its path within the pile."""
        (self.root / PICTURES / name).write_bytes(data)

    def finish(self, truth: dict[str, str], licence: str) -> None:
        """Write what lies beside the pictures and drop the archives."""
        (self.root / TRUTH).write_text(json.dumps(truth, sort_keys=True, indent=0), encoding="utf-8")
        (self.root / LICENCE).write_text(licence, encoding="utf-8")
        shutil.rmtree(self.downloads)


def kept(folder: Path, name: str, build: Callable[[Draft], None]) -> Pile:
    """Return the pile `folder`/`name`, calling `build` first where it does not exist.

    Only a finished pile ever has that name: an interrupted `build` is begun again from nothing, and of two
    processes that build at once the first to finish wins. Raises `ShoalError` where the folder is not
    writable, or something else has that name.
    """
    home = folder / name
    if not home.exists():
        try:
            _build(folder, home, build)
        except OSError as error:
            raise ShoalError(
                f"the demo cannot be written into {folder}: {error}. Name a folder with room to write in."
            ) from error
    try:
        truth = json.loads((home / TRUTH).read_text(encoding="utf-8"))
        return Pile(home / PICTURES, {key.encode(): label for key, label in truth.items()})
    except (OSError, ValueError, AttributeError) as error:
        raise ShoalError(f"{home} is not a whole demo: {error}. Remove it and run it again.") from error


def _build(folder: Path, home: Path, build: Callable[[Draft], None]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder, home.name)
    root = Path(tempfile.mkdtemp(prefix=f".{home.name}-", dir=folder))
    try:
        root.chmod(0o755)
        draft = Draft(root)
        draft.downloads.mkdir()
        (root / PICTURES).mkdir()
        build(draft)
        _rename(root, home)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _rename(root: Path, home: Path) -> None:
    """Move the draft into place; another process that was first has made the same pile."""
    try:
        root.rename(home)
    except OSError:
        if not (home / TRUTH).exists():
            raise


def _sweep(folder: Path, name: str) -> None:
    """Remove what killed runs left; a younger draft may belong to a process at work."""
    for draft in folder.glob(f".{name}-*"):
        with suppress(FileNotFoundError):
            if time.time() - draft.stat().st_mtime > _ABANDONED_AFTER_SECONDS:
                shutil.rmtree(draft, ignore_errors=True)
