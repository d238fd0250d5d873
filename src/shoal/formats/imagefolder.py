"""Labels as one folder of images per class, which every training library reads.

Class names become names that every file system takes; `labels.csv` beside the folders keeps what they
were: path, class and provenance as in the CSV export, and in its last column the file that the image became.
"""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from shoal.formats.csv import cells, csv_line
from shoal.formats.files import write_folder
from shoal.formats.rows import COLUMNS, LabelRow, Read, Say, escape
from shoal.types import ItemError, ShoalError

LABELS = "labels.csv"
_LONGEST_BYTES = 120
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


class ImageFolderExport:
    """TARGET/<class>/<file> as copies of the images, and TARGET/labels.csv."""

    media_type = None

    def write(
        self, rows: Iterable[LabelRow], target: Path, *, read: Read | None = None, say: Say | None = None
    ) -> int:
        """Copy every labelled item whose bytes `read` gives into a new folder, and return how many.

        An item that cannot be read (`ItemError`, `OSError`) is left out; `say` hears which and why. Raises
        `ShoalError` where `target` is not absent or an empty folder, or cannot be written.
        """
        if read is None:
            raise ShoalError("the imagefolder export copies images: it must be given a way to read them.")
        listed = list(rows)
        copied = 0

        def fill(root: Path) -> None:
            nonlocal copied
            copied = _fill(root, listed, read, say or (lambda _: None))

        write_folder(target, fill)
        return copied

    def dump(self, rows: Iterable[LabelRow]) -> bytes:
        """Refuse: a folder is not one file."""
        raise ShoalError("the imagefolder export is a folder: it cannot be downloaded as one file.")


def _fill(root: Path, rows: list[LabelRow], read: Read, say: Say) -> int:
    names = Names({LABELS})
    folders = {name: names.take(name) for name in sorted({row.class_name for row in rows})}
    files = {folder: Names(set()) for folder in folders.values()}
    for folder in files:
        (root / folder).mkdir()
    copied = 0
    with (root / LABELS).open("xb") as table:
        table.write(csv_line([*COLUMNS, "file"]))
        for row in rows:
            try:
                data = read(row)
            except (ItemError, OSError) as error:
                say(f"{row.name} is left out: {error}")
                continue
            folder = folders[row.class_name]
            file = f"{folder}/{files[folder].take(PurePosixPath(row.name).name)}"
            (root / file).write_bytes(data)
            table.write(csv_line([*cells(row), file]))
            copied += 1
    return copied


class Names:
    """Names within one folder that every file system takes and none takes for equal."""

    def __init__(self, taken: set[str]) -> None:
        self._taken = {_folded(name) for name in taken}
        self._next: dict[str, int] = {}

    def take(self, wanted: str) -> str:
        """Return `wanted` made safe, with a number before its suffix where that name is taken."""
        name = safe_name(wanted)
        base, suffix = (name[: -len(end)], end) if (end := PurePosixPath(name).suffix) else (name, "")
        number = self._next.get(_folded(name), 1)
        free = name
        while _folded(free) in self._taken:
            number += 1
            free = f"{base}-{number}{suffix}"
        self._next[_folded(name)] = number
        self._taken.add(_folded(free))
        return free


def safe_name(text: str) -> str:
    """Return a name for a file or folder: no separators, no dot at the ends, not reserved, not long."""
    text = unicodedata.normalize("NFC", escape(text).encode("utf-8", "replace").decode())
    text = re.sub(r'[\x00-\x1f\x7f/\\:*?"<>|]', "_", text).strip(" ")
    if text.startswith("."):
        text = "_" + text[1:]
    if not text or _RESERVED.fullmatch(text):
        text = "_" + text
    suffix = PurePosixPath(text).suffix
    suffix = suffix if len(suffix) <= 16 else ""
    room = _LONGEST_BYTES - len(suffix.encode())
    text = text[: len(text) - len(suffix)].encode()[:room].decode(errors="ignore") + suffix
    return re.sub(r"[. ]+$", lambda end: "_" * len(end[0]), text)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())
