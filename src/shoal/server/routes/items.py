"""Items, one at a time."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from shoal.server import mosaics
from shoal.server.answers import ItemInfo
from shoal.server.context import Ctx
from shoal.server.errors import Refusal, absent_is_404
from shoal.server.routes.thumbnails import On
from shoal.server.schemas import GREY
from shoal.server.wire import binary
from shoal.types import UNLABELLED, ItemError

router = APIRouter(prefix="/api", tags=["items"])


@router.get("/items/{id}")
def item(context: Ctx, id: Annotated[int, Path(ge=0, lt=2**31)]) -> ItemInfo:
    """Return what the hover card shows."""
    workspace = context.workspace
    with absent_is_404():
        row = workspace.item(id)
    label = int(workspace.log.current()[id])
    names = {known.id: known.name for known in workspace.log.classes()} if label != UNLABELLED else {}
    return ItemInfo(
        id=id,
        name=row.name,
        source=row.source,
        width=row.width or None,
        height=row.height or None,
        class_name=names.get(label),
        skipped=row.reason if row.status == "skipped" else None,
    )


@router.get(
    "/items/{id}/picture",
    response_class=Response,
    responses=binary("image/*", "the picture, made anew to fit into 1,024 px, never larger than it is"),
)
def picture(context: Ctx, id: Annotated[int, Path(ge=0, lt=2**31)], on: On = GREY) -> Response:
    """Return an item's picture for the viewer; 404 where its source is away or it cannot be decoded.

    It is laid on mid-grey where it is transparent and would vanish on the colour `on`.
    """
    if context.doors.picture is None:
        raise Refusal(404, "this server makes no large pictures: take the thumbnail")
    with absent_is_404():
        context.workspace.item(id)
    try:
        data = context.doors.picture(id)
    except ItemError as error:
        raise Refusal(404, f"item {id} has no picture: {error}") from error
    shown = mosaics.readable(data, mosaics.colour(on))
    headers = {"Cache-Control": "private, max-age=300"}
    return Response(shown, media_type=mosaics.media_type(shown), headers=headers)
