"""The hint that something changed; the truth is fetched."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from shoal.server.changes import Changes
from shoal.server.context import Ctx

router = APIRouter(prefix="/api")


@router.websocket("/changes")
async def changes(socket: WebSocket, context: Ctx) -> None:
    """Send {"revision", "label_seq"} at once and after every change, until the page goes."""
    await socket.accept()
    sending = asyncio.create_task(_send(socket, context.changes))
    try:
        with suppress(WebSocketDisconnect):
            while True:
                await socket.receive_text()
    finally:
        sending.cancel()
        with suppress(asyncio.CancelledError, WebSocketDisconnect):
            await sending


async def _send(socket: WebSocket, changes: Changes) -> None:
    async with aclosing(changes.follow()) as following:
        async for revision, label_seq in following:
            await socket.send_json({"revision": revision, "label_seq": label_seq})
