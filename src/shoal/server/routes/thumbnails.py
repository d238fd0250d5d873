"""Pictures: a mosaic of many thumbnails, or one."""

from __future__ import annotations

import zlib
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Query, Response

from shoal.server import mosaics
from shoal.server.context import Ctx
from shoal.server.errors import Refusal
from shoal.server.schemas import COLOURS, GREY, ThumbnailRequest
from shoal.server.wire import binary, cached

router = APIRouter(prefix="/api", tags=["thumbnails"])
On = Annotated[int, Query(ge=0, lt=COLOURS)]
"""The colour that a picture is shown on, 0xRRGGBB."""


@router.post(
    "/thumbnails",
    response_class=Response,
    responses=binary(
        "image/*",
        "a mosaic 1024 px wide, as many rows high as needed, a JPEG, or WebP where a picture is transparent; "
        "a missing thumbnail is grey",
    ),
)
def mosaic(context: Ctx, request: ThumbnailRequest) -> Response:
    """Return the thumbnails of up to (1024 / size)^2 items in one picture, row by row in the order asked for.

    The header X-Shoal-Missing, when there is one, lists the positions in `ids` that have no picture.
    """
    cells = mosaics.capacity(request.size)
    if len(request.ids) > cells:
        raise Refusal(
            422, f"ids: {len(request.ids)} do not fit; one mosaic of {request.size} px holds {cells}"
        )
    thumbnails = context.workspace.thumbnails(request.ids, request.size)
    picture, missing = mosaics.compose(thumbnails, request.size, mosaics.colour(request.ground))
    headers = {"X-Shoal-Missing": ",".join(map(str, missing))} if missing else None
    return Response(picture, media_type=mosaics.media_type(picture), headers=headers)


@router.get(
    "/items/{id}/thumbnail/{size}",
    response_class=Response,
    responses=binary(
        "image/*", "a JPEG, or WebP where transparent, that fits into size x size px, aspect ratio kept"
    ),
)
def thumbnail(
    context: Ctx,
    id: Annotated[int, Path(ge=0, lt=2**31)],
    size: Annotated[Literal["32", "64", "128", "256"], Path()],
    on: On = GREY,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Return one item's thumbnail; on mid-grey where, transparent, it would vanish on the colour `on`."""
    [found] = context.workspace.thumbnails([id], int(size))
    if found is None:
        raise Refusal(404, f"item {id} has no thumbnail of {size} px (yet)")
    etag = f'"{zlib.crc32(found):08x}-{len(found)}"'
    if if_none_match == etag:
        return cached(etag)
    shown = mosaics.readable(found, mosaics.colour(on))
    return cached(etag, shown, mosaics.media_type(shown))
