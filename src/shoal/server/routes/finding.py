"""Finding: what is alike, what is there twice, what stands alone, what a lasso missed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool
from numpy.typing import NDArray

from shoal.server import columns
from shoal.server.context import Context, Ctx
from shoal.server.doors import Finders
from shoal.server.errors import Refusal
from shoal.server.filters import passing
from shoal.server.schemas import BeyondRequest, Filter, FindRequest, SimilarRequest
from shoal.server.selection import resolve
from shoal.server.wire import binary

router = APIRouter(prefix="/api", tags=["finding"])
T = TypeVar("T")


@router.post(
    "/passing",
    response_class=Response,
    responses=binary(columns.MEDIA_TYPE, "ids u32, ascending: the items that pass"),
)
def which_pass(context: Ctx, request: Filter) -> Response:
    """Return the items that pass a filter, by the rule that lassos are resolved by."""
    return _answer([np.flatnonzero(passing(request, context))])


@router.post(
    "/similar",
    response_class=Response,
    responses=binary(columns.MEDIA_TYPE, "ids u32, cosine f32; most alike first"),
)
async def similar(context: Ctx, request: SimilarRequest) -> Response:
    """Return what is most alike to a selection, the selection itself left out."""

    def find(finders: Finders) -> Response:
        ids = resolve(request.selection, context)
        found = finders.similar(ids, layer=request.layer, how=request.how, count=request.count)
        return _answer(found)

    return await _find(context, find)


@router.post(
    "/beyond",
    response_class=Response,
    responses=binary(
        columns.MEDIA_TYPE,
        "ids u32, inside i32 (0: outside, but belongs; 1: inside, but does not), share of neighbours inside "
        "f32; the header X-Shoal-Trust says from 0 to 1 how far the map can be trusted there",
    ),
)
async def beyond(context: Ctx, request: BeyondRequest) -> Response:
    """Return what a lasso missed and what it took by mistake, by the high-dimensional neighbours."""

    def find(finders: Finders) -> Response:
        ids = resolve(request.selection, context)
        drawn = context.maps.get(request.map_id)
        found = finders.beyond(ids, layer=request.layer, drawn=drawn, count=request.count)
        answer = _answer([found.ids, found.inside, found.share])
        answer.headers["X-Shoal-Trust"] = f"{found.trust:.4f}"
        return answer

    return await _find(context, find)


@router.post(
    "/find",
    response_class=Response,
    responses=binary(
        columns.MEDIA_TYPE,
        "ids u32, a number i32 (duplicates: the group, the one to keep first; odd: the class id that the "
        "neighbours have; outliers: 0), score f32",
    ),
)
async def find(context: Ctx, request: FindRequest) -> Response:
    """Return near-duplicates, outliers, or items whose label is suspected."""

    def search(finders: Finders) -> Response:
        if request.kind == "duplicates":
            return _answer(finders.duplicates(layer=request.layer))
        if request.kind == "odd":
            return _answer(finders.odd(layer=request.layer))
        ids, score = finders.outliers(layer=request.layer)
        return _answer([ids, np.zeros(len(ids), np.int64), score])

    return await _find(context, search)


async def _find(context: Context, find: Callable[[Finders], T]) -> T:
    finders = context.doors.finders
    if finders is None:
        raise Refusal(409, "this server cannot search: start it with `shoal serve`")
    # One at a time: the first question of a layer makes its index, and the others then need none.
    async with context.finding:
        return await run_in_threadpool(find, finders)


def _answer(found: Sequence[NDArray[Any]]) -> Response:
    ids, *others = found
    packed: list[NDArray[Any]] = [
        column.astype(np.float32 if column.dtype.kind == "f" else np.int32, copy=False) for column in others
    ]
    return Response(columns.pack([ids.astype(np.uint32), *packed]), media_type=columns.MEDIA_TYPE)
