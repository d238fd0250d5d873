"""What every route works with, made once by the composition root."""

from __future__ import annotations

import asyncio
import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated
from urllib.parse import unquote

from fastapi import Depends, Header
from starlette.requests import HTTPConnection

from shoal.server.changes import Changes
from shoal.server.doors import Doors
from shoal.server.errors import Refusal
from shoal.server.settings import ServerSettings
from shoal.types import Map, Scalar, ShoalError

if TYPE_CHECKING:
    from shoal.workspace import Workspace

Exporter = Callable[["Workspace"], bytes | Iterator[bytes]]
StartJob = Callable[[str, Mapping[str, Scalar]], int]
LASSOS_AT_ONCE = 2


class RecentMaps:
    """Keep the last few maps in memory: a lasso answers at once, even when its draft has been collected."""

    def __init__(self, workspace: Workspace, keep: int = 4) -> None:
        self._workspace = workspace
        self._keep = keep
        self._maps: OrderedDict[int, Map] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, id: int) -> Map:
        """Return map `id`; refuse with 404 when there is none (any more), and with nothing else by itself."""
        with self._lock:
            if id in self._maps:
                self._maps.move_to_end(id)
                return self._maps[id]
        try:
            found = self._workspace.map(id)
        except ShoalError as error:
            # Damaged or busy is not gone: a 404 would make the page drop the gesture.
            if any(row.id == id for row in self._workspace.maps()):
                raise
            raise _no_map(id) from error
        if found is None:
            raise _no_map(id)
        with self._lock:
            self._maps[id] = found
            while len(self._maps) > self._keep:
                self._maps.popitem(last=False)
        return found


def _no_map(id: int) -> Refusal:
    return Refusal(
        404, f"there is no map {id} (drafts make way for newer maps): take the newest from /api/state"
    )


@dataclass(slots=True)
class Context:
    """Hold the workspace, the settings and the doors to the other rooms.

    `writing` admits one writer, `lassoing` as many lassos as may be resolved at once, `finding` one search.
    """

    workspace: Workspace
    settings: ServerSettings
    start_job: StartJob | None
    exporters: Mapping[str, Exporter]
    epoch: str
    maps: RecentMaps
    changes: Changes
    doors: Doors
    writing: threading.Lock = field(default_factory=threading.Lock)
    lassoing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LASSOS_AT_ONCE))
    finding: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))


async def _context(connection: HTTPConnection) -> Context:
    found: Context = connection.app.state.context
    return found


Ctx = Annotated[Context, Depends(_context)]
USER_LENGTH = 60


async def _user(context: Ctx, x_shoal_user: Annotated[str | None, Header()] = None) -> str:
    """Return in whose name this browser acts: what its person set, percent-encoded, or the server's user."""
    if x_shoal_user is None:
        return context.settings.user
    try:
        name = unicodedata.normalize("NFC", unquote(x_shoal_user, errors="strict")).strip()
    except UnicodeDecodeError:
        name = ""
    strange = any(unicodedata.category(one)[0] in "CZ" for one in name if one != " ")
    if strange or not 0 < len(name) <= USER_LENGTH:
        raise Refusal(422, f"X-Shoal-User: a user's name is one line of 1 to {USER_LENGTH} characters")
    return name


User = Annotated[str, Depends(_user)]
