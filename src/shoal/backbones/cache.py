"""Files that are costly to make and can always be made again: kept in the user's cache folder."""

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from shoal.folders import cache_folder


def cached(stem: str, suffix: str, build: Callable[[], bytes]) -> bytes:
    """Return the content kept under `stem`, or build and keep it.

    The file's name carries the content's SHA-256, so a damaged file is noticed and built again, and two
    processes that build at once cannot disturb each other. Where nothing can be written, nothing is kept.
    """
    folder = cache_folder()
    if folder is None:
        return build()
    folder /= "backbones"
    for path in sorted(folder.glob(f"{stem}.*{suffix}")):
        with suppress(OSError):
            content = path.read_bytes()
            if path.name == _file_name(stem, suffix, content):
                return content
            path.unlink()
    content = build()
    with suppress(OSError):
        _write(folder / _file_name(stem, suffix, content), content)
    return content


def _file_name(stem: str, suffix: str, content: bytes) -> str:
    return f"{stem}.{sha256(content).hexdigest()[:32]}{suffix}"


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".unfinished-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(unfinished).replace(path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
