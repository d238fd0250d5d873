"""Put a finished file or folder into its place in one step, so that a failed export changes nothing."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from shoal.formats.rows import LabelRow, Read, Say
from shoal.types import ShoalError


class FileExport:
    """An export into one file: `chunks` says what is in it."""

    media_type: str | None

    def chunks(self, rows: list[LabelRow]) -> Iterable[bytes]:
        """Return the contents of the file, in pieces."""
        raise NotImplementedError

    def write(
        self, rows: Iterable[LabelRow], target: Path, *, read: Read | None = None, say: Say | None = None
    ) -> int:
        """Write `rows` to the file `target`, replacing it in one step, and return how many.

        Raises `ShoalError` where it cannot be written; what was there before then still is.
        """
        listed = list(rows)
        with _aside(target) as temporary:
            with temporary.open("xb") as stream:
                stream.writelines(self.chunks(listed))
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, _real(target))
        return len(listed)

    def dump(self, rows: Iterable[LabelRow]) -> bytes:
        """Return the contents of the file."""
        return b"".join(self.chunks(list(rows)))


def write_folder(target: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` build a folder aside, then give it the name `target`.

    Raises `ShoalError` where `target` is neither absent nor an empty folder, or cannot be written.
    """
    with _aside(target) as temporary:
        real = _real(target)
        if real.exists() and (not real.is_dir() or any(real.iterdir())):
            raise ShoalError(f"the export refuses {target}: it is not an empty folder. Name another one.")
        temporary.mkdir()
        fill(temporary)
        if real.exists():
            real.rmdir()
        temporary.rename(real)


def _real(target: Path) -> Path:
    """Return what a symbolic link points to, so that the file changes and the link stays."""
    return Path(os.path.realpath(target))


@contextmanager
def _aside(target: Path) -> Iterator[Path]:
    """Yield a free name beside `target` and leave nothing under it."""
    real = _real(target)
    temporary = real.with_name(f".{real.name[:100]}.{uuid4().hex}")
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
    except OSError as error:
        raise ShoalError(f"the export cannot write {target}: {error}.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        with suppress(OSError):
            temporary.unlink()
