"""Read the files of a downloaded archive without trusting it."""

import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from shoal.types import ShoalError

_LARGEST = 64 << 20
"""Bytes of one unpacked file; the largest that a demo needs has 0.4 MB."""


def files(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Yield (path, contents) of every file of a .tgz or of a zip (a wheel is one).

    Nothing is written, so nothing can land elsewhere; still an archive that tries is refused as a whole, with
    `ShoalError`: a path that leaves it, a link, a device, a file that unpacks to more than 64 MiB, damage.
    """
    read = _zip_files if zipfile.is_zipfile(archive) else _tar_files
    try:
        yield from read(archive)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise ShoalError(f"the download {archive.name} is damaged: {error}. Run it again.") from error


def _tar_files(archive: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            _check(archive, member.name, member.size, plain=member.isreg() or member.isdir())
            stream = tar.extractfile(member) if member.isreg() else None
            if stream is not None:
                yield member.name, stream.read()


def _zip_files(archive: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(archive) as parcel:
        for member in parcel.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            _check(archive, member.filename, member.file_size, plain=kind in (0, stat.S_IFREG, stat.S_IFDIR))
            if not member.is_dir():
                yield member.filename, parcel.read(member)


def _check(archive: Path, name: str, size: int, *, plain: bool) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
        fault = "has a path that leads out of it"
    elif not plain:
        fault = "is a link or a device"
    elif size > _LARGEST:
        fault = f"has {size} bytes, more than the {_LARGEST} allowed"
    else:
        return
    raise ShoalError(f"the download {archive.name} is refused: its member {name!r} {fault}.")
