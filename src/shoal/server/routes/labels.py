"""Labels: the column, and the gestures that write it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool
from numpy.typing import NDArray

from shoal.server import columns
from shoal.server.context import Context, Ctx
from shoal.server.errors import Refusal
from shoal.server.schemas import ClassRequest, LabelRequest, LabelResult, UndoRequest
from shoal.server.selection import resolve
from shoal.server.wire import binary

if TYPE_CHECKING:
    from shoal.workspace import Written

router = APIRouter(prefix="/api", tags=["labels"])


@router.get(
    "/labels",
    response_class=Response,
    responses=binary(columns.MEDIA_TYPE, "class i32 by item id, -1 unlabelled; the flags carry label_seq"),
)
def labels(context: Ctx) -> Response:
    """Return the class of every item id."""
    log = context.workspace.log
    # Read first: the column may be newer than the number it carries, never older.
    seq = log.seq()
    return Response(columns.pack([log.current().astype(np.int32)], flags=seq), media_type=columns.MEDIA_TYPE)


@router.post("/labels")
async def label(context: Ctx, request: LabelRequest) -> LabelResult:
    """Give the selection a class, or none; the selection is resolved here, not in the page."""
    # Waiting here holds no thread: lassos that their pages have given up on do not keep other requests out.
    async with context.lassoing:
        ids = await run_in_threadpool(resolve, request.selection, context)
    return await run_in_threadpool(_write, context, request, ids)


@router.post("/classes")
def create_class(context: Ctx, request: ClassRequest) -> LabelResult:
    """Create a class without items."""
    with context.writing:
        written = context.workspace.log.create_class(
            request.name, user=context.settings.user, request_id=request.request_id
        )
        return _result(context, written)


@router.post("/undo")
def undo(context: Ctx, request: UndoRequest) -> LabelResult:
    """Take back this user's latest gesture."""
    return _turn(context, context.workspace.log.undo, request, "undo: you have no gesture left to take back")


@router.post("/redo")
def redo(context: Ctx, request: UndoRequest) -> LabelResult:
    """Give back what this user's latest undo took."""
    return _turn(context, context.workspace.log.redo, request, "redo: no undo since the latest gesture")


def _write(context: Context, request: LabelRequest, ids: NDArray[np.int64]) -> LabelResult:
    with context.writing:
        written = context.workspace.log.label(
            ids,
            request.class_name,
            user=context.settings.user,
            how=request.how,
            request_id=request.request_id,
            map_id=request.selection.map_id,
        )
        return _result(context, written)


def _turn(
    context: Context, turn: Callable[..., Written | None], request: UndoRequest, nothing_to: str
) -> LabelResult:
    with context.writing:
        written = turn(user=context.settings.user, request_id=request.request_id)
        if written is None:
            raise Refusal(409, f"nothing to {nothing_to}")
        return _result(context, written)


def _result(context: Context, written: Written) -> LabelResult:
    return LabelResult(
        seq=written.seq,
        count=written.count,
        class_id=written.class_id,
        label_seq=context.workspace.log.seq(),
    )
