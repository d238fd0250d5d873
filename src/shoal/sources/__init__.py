"""The sources room: where items come from."""

import re

from shoal.registry import Registry
from shoal.types import Source

SOURCES = Registry("source", {"folder": "shoal.sources.folder:FolderSource"})

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+):(//)?(.*)", re.DOTALL)


def open_source(uri: str) -> Source:
    """Return the source that `uri` names: `folder:PATH`, the form of another source, or a plain path.

    A name in `SOURCES` before the first colon decides; anything else is the path of a folder, as bytes in
    the file system's own encoding (surrogateescape), so that every name a file can have is kept. Raise
    `ShoalError` when `name://...` names no source, and what the source raises when it cannot be opened.
    """
    match = _SCHEME.fullmatch(uri)
    if match and (match[1] in SOURCES.names() or match[2]):
        source: Source = SOURCES.load(match[1])(match[3])
        return source
    folder: Source = SOURCES.load("folder")(uri)
    return folder
