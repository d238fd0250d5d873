"""Labels: the column, and the gestures that write it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated

import numpy as np
from fastapi import APIRouter, Query, Response
from fastapi.concurrency import run_in_threadpool
from numpy.typing import NDArray

from shoal.server import columns
from shoal.server.answers import LabelResult
from shoal.server.context import Context, Ctx, User
from shoal.server.errors import Refusal
from shoal.server.schemas import (
    ClassChange,
    ClassRequest,
    Delete,
    LabelRequest,
    Merge,
    Recolour,
    RedoRequest,
    Rekey,
    Rename,
    RevertRequest,
    UndoRequest,
)
from shoal.server.selection import resolve
from shoal.server.wire import binary

if TYPE_CHECKING:
    from shoal.workspace import Written

router = APIRouter(prefix="/api", tags=["labels"])


@router.get(
    "/labels",
    response_class=Response,
    responses=binary(
        columns.MEDIA_TYPE,
        "class i32 by item id: -1 unlabelled, -2 none of these, -3 put aside; with `since` ids u32 and class "
        "i32 of those that may have changed; the flags carry label_seq",
    ),
)
def labels(context: Ctx, since: Annotated[int, Query(ge=-1, lt=2**31)] = -1) -> Response:
    """Return the class of every item id, or of those whose class may have changed since an event."""
    log = context.workspace.log
    if since >= 0:
        seq, ids, changed = log.changed_since(since)
        body = columns.pack([ids.astype(np.uint32), changed.astype(np.int32)], flags=seq)
    else:
        # Read first: the column may be newer than the number it carries, never older.
        seq = log.seq()
        body = columns.pack([log.current().astype(np.int32)], flags=seq)
    return Response(body, media_type=columns.MEDIA_TYPE)


@router.post("/labels")
async def label(context: Ctx, user: User, request: LabelRequest) -> LabelResult:
    """Give the selection a class, or an answer; the selection is resolved here, not in the page."""
    if request.answer and request.class_name is not None:
        raise Refusal(422, "answer: it stands in place of a class; leave class_name null or answer out")
    # Waiting here holds no thread: lassos that their pages have given up on do not keep other requests out.
    async with context.lassoing:
        ids = await run_in_threadpool(resolve, request.selection, context)
    return await run_in_threadpool(_write, context, user, request, ids)


@router.post("/classes")
def create_class(context: Ctx, user: User, request: ClassRequest) -> LabelResult:
    """Create a class without items."""
    with context.writing:
        log = context.workspace.log
        return _result(context, log.create_class(request.name, user=user, request_id=request.request_id))


@router.post("/classes/change")
def change_class(context: Ctx, user: User, request: ClassChange) -> LabelResult:
    """Rename, merge, delete or recolour a class, or give it another key."""
    log, change = context.workspace.log, request.change
    who = {"user": user, "request_id": request.request_id}
    with context.writing:
        match change:
            case Rename():
                written = log.rename_class(request.class_id, change.name, **who)
            case Merge():
                written = log.merge_classes(request.class_id, change.into, **who)
            case Delete():
                written = log.delete_class(request.class_id, **who)
            case Recolour():
                written = log.colour_class(request.class_id, change.colour, **who)
            case Rekey():
                written = log.key_class(request.class_id, change.key, **who)
        return _result(context, written)


@router.post("/revert")
def revert(context: Ctx, user: User, request: RevertRequest) -> LabelResult:
    """Take back one gesture of the history."""
    with context.writing:
        log = context.workspace.log
        return _result(context, log.revert(request.seq, user=user, request_id=request.request_id))


@router.post("/undo")
def undo(context: Ctx, user: User, request: UndoRequest) -> LabelResult:
    """Take back this user's latest gesture, or the one that is named."""
    turn = partial(context.workspace.log.undo, gesture=request.gesture)
    return _turn(context, turn, user, request, "undo: you have no gesture left to take back")


@router.post("/redo")
def redo(context: Ctx, user: User, request: RedoRequest) -> LabelResult:
    """Give back what this user's latest undo took."""
    return _turn(context, context.workspace.log.redo, user, request, "redo: no undo since the latest gesture")


def _write(context: Context, user: str, request: LabelRequest, ids: NDArray[np.int64]) -> LabelResult:
    log = context.workspace.log
    with context.writing:
        give = (
            partial(log.answer, ids, request.answer)
            if request.answer
            else partial(log.label, ids, request.class_name)
        )
        return _result(
            context,
            give(user=user, how=request.how, request_id=request.request_id, map_id=request.selection.map_id),
        )


def _turn(
    context: Context, turn: Callable[..., Written | None], user: str, request: RedoRequest, nothing_to: str
) -> LabelResult:
    with context.writing:
        written = turn(user=user, request_id=request.request_id)
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
