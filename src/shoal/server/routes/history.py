"""The label log as people read it: who did what when, to which items."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Path, Query, Response

from shoal.server import columns
from shoal.server.answers import Gesture
from shoal.server.context import Ctx
from shoal.server.errors import Refusal, absent_is_404
from shoal.server.routes.state import gesture
from shoal.server.wire import binary
from shoal.workspace.round_list import learned_numbers

router = APIRouter(prefix="/api", tags=["history"])
Limit = Annotated[int, Query(ge=1, le=10_000)]
Number = Annotated[int, Query(ge=-1, lt=2**31)]


@router.get("/history")
def history(
    context: Ctx,
    limit: Limit = 100,
    before: Number = -1,
    user: Number = -1,
    class_id: Number = -1,
) -> list[Gesture]:
    """List the label log, newest first: before an event, of a user (by place in /users), about a class.

    -1 stands for any.
    """
    log = context.workspace.log
    found = log.history(
        limit,
        before=None if before < 0 else before,
        user=None if user < 0 else _named(log.users(), user),
        class_id=None if class_id < 0 else class_id,
    )
    numbers = learned_numbers(context.workspace)
    return [gesture(event, numbers) for event in found]


@router.get("/history/users")
def users(context: Ctx) -> list[str]:
    """List everybody who has written an event, in the order of their first."""
    return context.workspace.log.users()


@router.get(
    "/history/{seq}/items",
    response_class=Response,
    responses=binary(columns.MEDIA_TYPE, "ids u32, ascending"),
)
def items(context: Ctx, seq: Annotated[int, Path(ge=0, lt=2**31)]) -> Response:
    """Return the items that an event is about."""
    with absent_is_404():
        ids = context.workspace.log.items_of(seq)
    return Response(columns.pack([ids.astype(np.uint32)]), media_type=columns.MEDIA_TYPE)


def _named(users: list[str], place: int) -> str:
    if place >= len(users):
        raise Refusal(404, f"there is no user {place}: take a place in /api/history/users, from 0")
    return users[place]
