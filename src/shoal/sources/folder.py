"""A tree of files, whatever lies in it."""

import errno
import os
import re
import stat
from collections.abc import Iterator
from os import DirEntry

from shoal.types import Found, ItemError, ShoalError, Skipped

LARGEST_FILE = 512 * 1024**2
"""The largest file in bytes that is read."""

IMAGES = frozenset(
    b"jpg jpeg jpe jfif jif jps mpo png apng webp gif bmp dib tif tiff avif avifs ppm pgm pbm pnm pfm".split()
)
"""The suffixes of files that are tried; a file without any suffix is tried too."""

OTHER_IMAGES = frozenset(
    b"heic heif svg svgz psd psb ico icns jp2 j2k jpx jxl exr hdr tga dds xcf ai eps raw dng cr2 cr3 nef arw "
    b"orf rw2 raf fits dcm".split()
)
"""The suffixes of pictures that cannot be decoded."""

_LONGEST_SUFFIX = 12


class SourceError(ShoalError):
    """The pile itself cannot be opened."""


class FolderSource:
    """The images in a folder and the folders below it; `uri` is the folder's absolute path.

    An item's key is its path below the folder, in bytes. Hidden entries (`.name`) and workspaces (`*.shoal`)
    are passed over without a word. A symbolic link to a file is followed, one to a folder is not, and a
    folder that is mounted twice is listed once. Raise `SourceError` when `root` is no folder.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        if not os.fspath(root):
            raise SourceError("folder source: the path is empty. Give the folder that holds the images.")
        self._root = os.path.abspath(os.fsencode(root))
        self.uri = os.fsdecode(self._root)
        try:
            mode = os.stat(self._root).st_mode
        except (OSError, ValueError) as error:
            raise SourceError(
                f"folder source: {self.uri!r} cannot be opened: {_why(error)}. Give a folder that exists."
            ) from error
        if not stat.S_ISDIR(mode):
            raise SourceError(
                f"folder source: {self.uri!r} is a file. Give the folder that holds the images."
            )

    def scan(self) -> Iterator[Found | Skipped]:
        """List everything below the folder, in the order of the names' bytes, opening no file.

        Raise `SourceError` when the folder itself cannot be listed: then nothing is known about its items.
        """
        seen: set[tuple[int, int]] = set()
        waiting = [b""]
        while waiting:
            folder = waiting.pop()
            entries = self._entries(folder, seen)
            if isinstance(entries, Skipped):
                yield entries
                continue
            below = []
            for entry in entries:
                if _is_folder(entry):
                    below.append(folder + entry.name + b"/")
                else:
                    yield _look_at(entry, folder + entry.name)
            waiting.extend(reversed(below))

    def read(self, key: bytes) -> bytes:
        """Return the bytes of one file; raise `ItemError` when it is gone, no regular file, or too large."""
        if key.startswith(b"/") or b".." in key.split(b"/"):
            raise ItemError("its key leads out of the folder")
        try:
            # Opening a pipe must not wait for somebody to write into it.
            handle = os.open(os.path.join(self._root, key), os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
            try:
                return _read_regular(handle)
            finally:
                os.close(handle)
        except (OSError, ValueError) as error:
            raise ItemError(f"the file cannot be read: {_why(error)}") from error

    def _entries(self, folder: bytes, seen: set[tuple[int, int]]) -> list[DirEntry[bytes]] | Skipped:
        """Return what is in `folder`, sorted and without what is hidden; or why it is not listed."""
        path = os.path.join(self._root, folder)
        try:
            facts = os.stat(path)
            if (facts.st_dev, facts.st_ino) in seen:
                return Skipped(folder, "the folder is a second way to one that is already listed")
            with os.scandir(path) as entries:
                shown = [entry for entry in entries if not _is_hidden(entry.name)]
        except OSError as error:
            if not folder:
                raise SourceError(f"folder source: {self.uri!r} cannot be listed: {_why(error)}") from error
            return Skipped(folder, f"the folder cannot be listed: {_why(error)}")
        seen.add((facts.st_dev, facts.st_ino))
        return sorted(shown, key=lambda entry: entry.name)


def _read_regular(handle: int) -> bytes:
    facts = os.fstat(handle)
    if (reason := _unfit(facts)) is not None:
        raise ItemError(reason)
    with open(handle, "rb", closefd=False) as file:
        return file.read(facts.st_size)


def _is_hidden(name: bytes) -> bool:
    return name.startswith(b".") or name.endswith(b".shoal")


def _is_folder(entry: DirEntry[bytes]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _look_at(entry: DirEntry[bytes], key: bytes) -> Found | Skipped:
    """Decide by name and facts alone whether one entry that is no folder can become an item."""
    try:
        facts = entry.stat()
        if stat.S_ISDIR(facts.st_mode):
            return Skipped(key, "a symbolic link to a folder; such links are not followed")
        reason = _unfit(facts) or _unfit_name(entry.name)
    except OSError as error:
        link = "the symbolic link leads nowhere" if entry.is_symlink() else "its facts cannot be read"
        return Skipped(key, f"{link}: {_why(error)}")
    return Skipped(key, reason) if reason else Found(key, facts.st_size, facts.st_mtime_ns)


def _unfit(facts: os.stat_result) -> str | None:
    """Return why a file of these facts is not read, or None when it is."""
    if not stat.S_ISREG(facts.st_mode):
        return f"{_kind(facts.st_mode)}, not a file"
    if facts.st_size == 0:
        return "the file is empty"
    if facts.st_size > LARGEST_FILE:
        return f"{facts.st_size:,} bytes are more than the {LARGEST_FILE:,} that are read"
    return None


def _unfit_name(name: bytes) -> str | None:
    _, dot, suffix = name.rpartition(b".")
    if not dot or not suffix or len(suffix) > _LONGEST_SUFFIX or b" " in suffix:
        return None
    # "photo.jpg?width=200", "photo.jpg~" and "photo.jpg:large" are photographs still.
    word = re.split(rb"[^a-z0-9]", suffix.lower(), maxsplit=1)[0]
    if word in IMAGES:
        return None
    shown = os.fsdecode(suffix).encode("utf-8", "backslashreplace").decode()
    if word in OTHER_IMAGES:
        return f"a picture that cannot be decoded (.{shown}); convert it to JPEG or PNG"
    return f"not an image by its name (.{shown})"


def _kind(mode: int) -> str:
    kinds = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket", stat.S_IFDIR: "a folder"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        if error.errno == errno.ENAMETOOLONG:
            return "its path is too long"
        return (error.strerror or "input/output error").lower()
    return str(error)
