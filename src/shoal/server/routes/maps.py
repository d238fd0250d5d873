"""Maps: rows as JSON, positions as columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
from fastapi import APIRouter, Header, Path, Response

from shoal.server import columns
from shoal.server.answers import LayerInfo, MapInfo, MapQuality
from shoal.server.context import Ctx
from shoal.server.errors import Refusal, absent_is_404
from shoal.server.routes.jobs import start_unless_busy
from shoal.server.wire import binary, cached
from shoal.types import HEAD_OF

if TYPE_CHECKING:
    from shoal.workspace import MapRow

router = APIRouter(prefix="/api", tags=["maps"])
MapId = Annotated[int, Path(ge=0, lt=2**31)]


@router.get("/maps")
def maps(context: Ctx) -> list[MapInfo]:
    """List the maps, newest first."""
    rows = sorted(context.workspace.maps(), key=lambda row: row.id, reverse=True)
    return [map_info(row) for row in rows]


@router.get(
    "/maps/{id}/points",
    response_class=Response,
    responses=binary(
        columns.MEDIA_TYPE, "ids u32, x f32, y f32 in the unit square, aspect f32 (width/height)"
    ),
)
def points(context: Ctx, id: MapId, if_none_match: Annotated[str | None, Header()] = None) -> Response:
    """Return the positions of one map; a map never changes, so its ETag holds while the server runs."""
    etag = f'"{context.epoch}-{id}"'
    if if_none_match == etag:
        return cached(etag)
    found = context.maps.get(id)
    sizes = context.workspace.sizes()[found.ids].astype(np.float32)
    aspect = np.where(sizes.min(axis=1) > 0, sizes[:, 0] / np.maximum(sizes[:, 1], 1), 1).astype(np.float32)
    xy = found.xy
    body = columns.pack([found.ids.astype(np.uint32), xy[:, 0], xy[:, 1], aspect])
    return cached(etag, body, columns.MEDIA_TYPE)


@router.post("/maps/{id}/current")
def choose(context: Ctx, id: MapId) -> MapInfo:
    """Show this map to everybody until another is chosen or made: the way back to an earlier round.

    Where images have come since it was drawn, a job places them on it; one that is under way does so itself.
    """
    with absent_is_404(), context.writing:
        context.workspace.choose_map(id)
        row = next(row for row in context.workspace.maps() if row.id == id)
        if context.workspace.is_behind(row):
            start_unless_busy(context, "place")
    return map_info(row)


@router.get("/maps/{id}/quality")
def quality(context: Ctx, id: MapId) -> MapQuality:
    """Judge how well a map keeps the labelled classes apart."""
    if context.doors.judge is None:
        raise Refusal(409, "this server judges no maps")
    context.maps.get(id)
    return MapQuality.model_validate(dict(context.doors.judge(id)))


@router.get("/layers")
def layers(context: Ctx) -> list[LayerInfo]:
    """List the layers, early to late, then the current round's head, each with its map of what is shown."""
    find = context.doors.layer_maps
    drawn = find(context.workspace) if find else {}
    known = [
        layer
        for row in context.workspace.backbones()
        for layer in zip(row.layers, row.widths, row.sees, strict=True)
    ]
    learned = context.workspace.rounds.current()
    if learned is not None:
        width = int(learned.report.get("dimensions", 0))
        known.append((f"{HEAD_OF}{learned.id}", width, f"what round {learned.id} learned to tell apart"))
    return [
        LayerInfo(name=name, width=width, sees=sees, map=map_info(drawn[name]) if name in drawn else None)
        for name, width, sees in known
    ]


def map_info(row: MapRow) -> MapInfo:
    """Write one map's row for the wire."""
    return MapInfo(
        id=row.id,
        items=row.items,
        projector=row.origin.projector,
        layer=row.origin.layer,
        parent=row.origin.parent,
        final=row.final,
        created=row.created,
    )
