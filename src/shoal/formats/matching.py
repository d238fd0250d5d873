"""Find the items that the paths in a file of labels mean."""

import re
from collections.abc import Iterable, Mapping, Sequence

from shoal.formats.rows import LabelPair

_MANY = -1


def match_paths(
    pairs: Iterable[LabelPair], names: Mapping[int, str] | Sequence[str]
) -> tuple[dict[int, str], list[str]]:
    """Return the class by item id, and the paths that mean no single item.

    `names` gives the display name by item id. A path means the item with exactly that name; failing that,
    the only item whose name ends in it, by whole folders ("a.jpg": "cats/a.jpg"); failing that, the item
    whose name is the longest end of it ("/home/me/photos/cats/a.jpg": "cats/a.jpg"). Backslashes count as
    slashes where the path as it stands is not found. A path that would give another class to an item that
    another line names exactly, or named before, is returned too.
    """
    index = _Index(names)
    found: dict[int, str] = {}
    others: list[tuple[LabelPair, str]] = []
    for pair in pairs:
        path = _shown(pair.path)
        item = index.exact.get(path, _MANY)
        if item == _MANY:
            others.append((pair, path))
        else:
            found[item] = pair.class_name
    unmatched: list[str] = []
    for pair, path in others:
        item = index.likely(path)
        if item == _MANY or found.setdefault(item, pair.class_name) != pair.class_name:
            unmatched.append(path)
    return found, unmatched


class _Index:
    """Item ids by name, and by every end of a name (only built when a path is not found exactly)."""

    def __init__(self, names: Mapping[int, str] | Sequence[str]) -> None:
        self.exact: dict[str, int] = {}
        self._by_ends: dict[str, int] | None = None
        for item, name in names.items() if isinstance(names, Mapping) else enumerate(names):
            if name:
                shown = _shown(name)
                self.exact[shown] = _MANY if shown in self.exact else item

    def likely(self, path: str) -> int:
        """Return the item that a path means which is no name; `_MANY` where that is no single one."""
        if path in self.exact:
            return _MANY
        ends = self._by_end()
        for spelling in (path, path.replace("\\", "/")):
            parts = "/".join(part for part in spelling.split("/") if part not in ("", "."))
            places = [self.exact.get(parts), ends.get(parts), *map(self.exact.get, _ends(parts))]
            for place in places:
                if place is not None:
                    return place
        return _MANY

    def _by_end(self) -> dict[str, int]:
        if self._by_ends is None:
            self._by_ends = {}
            for name, item in self.exact.items():
                for end in _ends(name):
                    self._by_ends[end] = item if end not in self._by_ends else _MANY
        return self._by_ends


def _ends(name: str) -> list[str]:
    """Return what is left of a path without its first folder, its first two, and so on."""
    parts = name.split("/")
    return ["/".join(parts[k:]) for k in range(1, len(parts))]


def _shown(path: str) -> str:
    """Return a path as the workspace shows it: bytes that are not UTF-8 as backslash escapes."""
    return re.sub("[\udc80-\udcff]", lambda sign: f"\\x{ord(sign[0]) - 0xDC00:02x}", path)
