r"""The rows that go out and come in, and how they are written as text that can be read back.

A path need not be UTF-8, but every format here is. The bytes that are not are written as `\xff` (a
backslash, `x`, two small hex digits from 80 to ff), and a backslash that would look like the beginning
of that as `\x5c`. Every other path stands as it is, backslashes included.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

COLUMNS = ("path", "class", "source", "user", "how", "time", "seq", "round", "confidence")
LONGEST_CLASS = 200
"""Characters of a class name, as everywhere in Shoal."""


@dataclass(frozen=True, slots=True)
class LabelRow:
    """The label of one item, with the event that decided it: `seq` in the log, `time` in s since 1970.

    `round` is the round whose prediction was accepted, `confidence` what that one had; None: a person's own.
    """

    name: str
    source: str
    class_name: str
    user: str
    how: str
    time: float
    seq: int
    key: bytes
    round: int | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class LabelPair:
    """A label as it came from a file."""

    path: str
    class_name: str


Read = Callable[[LabelRow], bytes]
Say = Callable[[str], None]


class Export(Protocol):
    """A form that labels can leave in; `media_type` is None where that is a folder, not one file."""

    media_type: str | None

    def write(
        self, rows: Iterable[LabelRow], target: Path, *, read: Read | None = None, say: Say | None = None
    ) -> int:
        """Write `rows` to `target` and return how many; the target is whole or as it was before.

        `read` gives an item's bytes, for forms that copy images; `say` hears of items left out, and why.
        Raises `ShoalError` where the target cannot be written.
        """
        ...

    def dump(self, rows: Iterable[LabelRow]) -> bytes:
        """Return the contents of the file; raise `ShoalError` where the form is a folder."""
        ...


class Import(Protocol):
    """A form that labels can come in."""

    def read(self, path: Path) -> Iterator[tuple[int, LabelPair | str]]:
        """Yield (line number, label or what is wrong with the line); raise `ShoalError` for no such file."""
        ...


def path_text(row: LabelRow) -> str:
    """Return the path of an item as text that `escape` made: exact, also where its key is not UTF-8."""
    name_is_key = row.key.decode("utf-8", "backslashreplace") == row.name
    return escape(row.key.decode("utf-8", "surrogateescape") if name_is_key else row.name)


def escape(text: str) -> str:
    """Write bytes that were not UTF-8 (surrogates in `text`) as this module says; `unescape` undoes it."""
    text = re.sub(r"\\(?=x(?:5c|[89a-f][0-9a-f]))", r"\\x5c", text)
    return re.sub("[\udc80-\udcff]", lambda sign: f"\\x{ord(sign[0]) - 0xDC00:02x}", text)


def unescape(text: str) -> str:
    """Read what `escape` wrote."""

    def sign(match: re.Match[str]) -> str:
        code = int(match[1], 16)
        return "\\" if code == ord("\\") else chr(0xDC00 + code)

    return re.sub(r"\\x(5c|[89a-f][0-9a-f])", sign, text)


def utf8(text: str) -> bytes:
    """Encode text; half a character, which UTF-8 cannot hold, becomes a visible escape."""
    return text.encode("utf-8", "backslashreplace")


def iso_time(seconds: float) -> str:
    """Return a time in s since 1970 as ISO 8601 in UTC, to the millisecond: 2024-05-01T12:00:00.000Z."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def label_pair(path: object, class_name: object) -> LabelPair | str:
    """Return the label that a line states, or what is wrong with it."""
    if not isinstance(path, str) or not path:
        return f"the path must be text, not {path!r}"
    if class_name is not None and not isinstance(class_name, str):
        return f"the class of {path!r} must be text, not {class_name!r}"
    if class_name is None or not class_name.strip():
        return f"{path!r} has no class; its label stays as it is"
    if len(class_name) > LONGEST_CLASS:
        return f"the class of {path!r} has {len(class_name)} characters; {LONGEST_CLASS} are allowed"
    if re.search("[\ud800-\udfff]", class_name):
        return f"the class of {path!r} is not UTF-8"
    return LabelPair(unescape(path), class_name)
