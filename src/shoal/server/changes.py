"""One task watches the workspace for all sockets; each socket is told the newest change, never a backlog."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from shoal.types import ShoalError

if TYPE_CHECKING:
    from shoal.workspace import Workspace

Change = tuple[int, int]
"""The workspace's revision and its label_seq."""

_LOG = logging.getLogger("shoal.server")


class Changes:
    """Poll `revision()` every `seconds` while anybody follows."""

    def __init__(self, workspace: Workspace, *, seconds: float = 0.25) -> None:
        self._workspace = workspace
        self._seconds = seconds
        self._followers: set[asyncio.Event] = set()
        self._latest: Change | None = None
        self._task: asyncio.Task[None] | None = None

    async def follow(self) -> AsyncGenerator[Change]:
        """Yield the state of things now, then after every change; close the generator to stop following."""
        event = asyncio.Event()
        self._followers.add(event)
        if self._task is None or self._task.done():
            self._latest = None
            self._task = asyncio.create_task(self._watch())
        if self._latest is not None:
            event.set()
        sent: Change | None = None
        try:
            while True:
                await event.wait()
                event.clear()
                if self._latest is not None and self._latest != sent:
                    sent = self._latest
                    yield sent
        finally:
            self._followers.discard(event)
            if not self._followers and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _watch(self) -> None:
        while True:
            try:
                latest = await asyncio.to_thread(self._read)
            except ShoalError as error:
                _LOG.warning("the workspace cannot be read, trying again: %s", error)
            except Exception:
                # Ended, this task would leave every open page without news until it is loaded again.
                _LOG.exception("the workspace cannot be read, trying again")
            else:
                if latest != self._latest:
                    self._latest = latest
                    for event in self._followers:
                        event.set()
            await asyncio.sleep(self._seconds)

    def _read(self) -> Change:
        return self._workspace.revision(), self._workspace.log.seq()
