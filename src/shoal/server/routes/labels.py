"""Labels: the column, and the gestures that write it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from fastapi import APIRouter, Response

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
def label(context: Ctx, request: LabelRequest) -> LabelResult:
    """Give the selection a class, or none; the selection is resolved here, not in the page."""
    ids = resolve(request.selection, context.maps)
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
    with context.writing:
        written = context.workspace.log.undo(user=context.settings.user, request_id=request.request_id)
        if written is None:
            raise Refusal(409, f"nothing to undo: {context.settings.user} has no gesture left to take back")
        return _result(context, written)


@router.post("/redo")
def redo(context: Ctx, request: UndoRequest) -> LabelResult:
    """Give back what this user's latest undo took."""
    with context.writing:
        written = context.workspace.log.redo(user=context.settings.user, request_id=request.request_id)
        if written is None:
            raise Refusal(409, "nothing to redo: no undo since the latest gesture")
        return _result(context, written)


def _result(context: Context, written: Written) -> LabelResult:
    return LabelResult(
        seq=written.seq,
        count=written.count,
        class_id=written.class_id,
        label_seq=context.workspace.log.seq(),
    )
