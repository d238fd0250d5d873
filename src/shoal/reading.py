"""The bytes of an item's file, wherever its source is."""

from collections.abc import Callable
from functools import lru_cache

from shoal.sources import open_source
from shoal.types import ItemError, ShoalError, Source
from shoal.workspace import Workspace
from shoal.workspace.tables import shown


def item_reader(workspace: Workspace) -> Callable[[str, bytes], bytes]:
    """Return a function from an item's source (as shown) and key to its bytes.

    It raises `ItemError` where they cannot be had: a source that is away costs its own items only.
    """

    @lru_cache
    def source(name: str) -> Source:
        return open_source(next(uri for uri in workspace.sources() if shown(uri) == name))

    def read(name: str, key: bytes) -> bytes:
        try:
            return source(name).read(key)
        except ItemError:
            raise
        except ShoalError as error:
            raise ItemError(str(error)) from error

    return read
