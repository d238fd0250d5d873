"""Rounds: what was learned, what it predicts, and predictions that become labels."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import numpy as np
from fastapi import APIRouter, Header, Path, Response
from fastapi.concurrency import run_in_threadpool
from numpy.typing import NDArray

from shoal.server import columns
from shoal.server.answers import LabelResult, MapInfo, RoundInfo, SuggestionInfo
from shoal.server.context import Context, Ctx, User
from shoal.server.doors import Suggestion
from shoal.server.errors import Refusal, absent_is_404
from shoal.server.routes.maps import map_info
from shoal.server.schemas import AcceptRequest, PullRequest, RejectRequest
from shoal.server.selection import resolve
from shoal.server.wire import binary, cached
from shoal.types import UNLABELLED
from shoal.workspace.round_list import learned_numbers, round_lines

if TYPE_CHECKING:
    from shoal.server.schemas import Selection
    from shoal.workspace import RoundRow, Written

router = APIRouter(prefix="/api", tags=["rounds"])
RoundId = Annotated[int, Path(ge=0, lt=2**31)]


@router.get("/rounds")
def rounds(context: Ctx) -> list[RoundInfo]:
    """List the rounds that were learned, newest first, each with the map that has the newest images."""
    lines = list(reversed(round_lines(context.workspace)))
    numbers = learned_numbers(context.workspace)  # last: every round listed above has one
    return [round_info(line.row, numbers, map_id=line.newest.map_id) for line in lines]


@router.get(
    "/rounds/{id}/predictions",
    response_class=Response,
    responses=binary(
        columns.MEDIA_TYPE,
        "class i32 by item id, -1 none of them; confidence f32; held-out class i32, -1 unlabelled",
    ),
)
def predictions(context: Ctx, id: RoundId, if_none_match: Annotated[str | None, Header()] = None) -> Response:
    """Return what one round predicts for every item id, with the classes and rejections as they are now."""
    with absent_is_404():
        found = context.workspace.predictions(id)
    now = zlib.crc32(found.held_out.tobytes(), zlib.crc32(found.class_ids.tobytes()))
    etag = f'"{context.epoch}-round-{id}-{now:08x}"'
    if if_none_match == etag:
        return cached(etag)
    items = int(found.ids[-1]) + 1 if len(found.ids) else 0
    class_ids = np.full(items, UNLABELLED, dtype=np.int32)
    confidence = np.zeros(items, dtype=np.float32)
    held_out = class_ids.copy()
    class_ids[found.ids], confidence[found.ids] = found.class_ids, found.confidence
    held_out[found.ids] = found.held_out
    return cached(etag, columns.pack([class_ids, confidence, held_out]), columns.MEDIA_TYPE)


@router.post("/accept")
async def accept(context: Ctx, user: User, request: AcceptRequest) -> LabelResult:
    """Make labels of a round's confident predictions, inside a selection or everywhere, as one gesture."""
    inside = await _inside(context, request.selection) if request.selection else None
    log = context.workspace.log
    return await run_in_threadpool(_decide, context, user, request, log.accept, inside)


@router.post("/reject")
async def reject(context: Ctx, user: User, request: RejectRequest) -> LabelResult:
    """Say that a round's predictions inside a selection are wrong, as one gesture; no label changes."""
    inside = await _inside(context, request.selection)
    log = context.workspace.log
    return await run_in_threadpool(_decide, context, user, request, log.reject, inside)


async def _inside(context: Context, selection: Selection) -> NDArray[np.int64]:
    async with context.lassoing:
        return await run_in_threadpool(resolve, selection, context)


def _decide(
    context: Context,
    user: str,
    request: AcceptRequest | RejectRequest,
    write: Callable[..., Written | None],
    inside: NDArray[np.int64] | None,
) -> LabelResult:
    """Write what becomes of the predictions that are meant, and say how many they were."""
    with absent_is_404():
        found = context.workspace.predictions(request.round_id)
    at_least = request.at_least if isinstance(request, AcceptRequest) else 0.0
    chosen = (found.class_ids != UNLABELLED) & (found.confidence >= at_least)
    if request.class_id is not None:
        chosen &= found.class_ids == request.class_id
    if inside is not None:
        chosen &= np.isin(found.ids, inside)
    with context.writing:
        written = write(
            found.ids[chosen],
            found.class_ids[chosen],
            round_id=request.round_id,
            user=user,
            request_id=request.request_id,
            map_id=request.selection.map_id if request.selection else None,
        )
        if written is None:
            raise Refusal(409, f"nothing to {write.__name__}: no unlabelled item there has such a prediction")
        return LabelResult(
            seq=written.seq,
            count=written.count,
            class_id=written.class_id,
            label_seq=context.workspace.log.seq(),
        )


@router.get("/suggestions")
async def suggestions(context: Ctx) -> list[SuggestionInfo]:
    """List groups to label next, the most useful first."""
    return [
        SuggestionInfo(count=len(one.ids), exemplars=one.exemplars.tolist(), reason=one.reason)
        for one in await _suggested(context)
    ]


@router.get(
    "/suggestions/items",
    response_class=Response,
    responses=binary(columns.MEDIA_TYPE, "ids u32, the suggestion's place in the list i32"),
)
async def suggested_items(context: Ctx) -> Response:
    """Return the items of every suggestion, in the order of the list and from each middle outwards."""
    found = await _suggested(context)
    ids = np.concatenate([one.ids for one in found] or [np.empty(0, np.int64)])
    places = np.repeat(np.arange(len(found), dtype=np.int32), [len(one.ids) for one in found])
    return Response(columns.pack([ids.astype(np.uint32), places]), media_type=columns.MEDIA_TYPE)


@router.post("/pull-apart")
async def pull_apart(context: Ctx, request: PullRequest) -> MapInfo:
    """Show the map that tells two selections from each other; choosing another map leads back."""
    draw = context.doors.pull_apart
    if draw is None:
        raise Refusal(409, "this server draws no maps: start it with `shoal serve`")

    def work() -> MapInfo:
        id = draw(resolve(request.a, context), resolve(request.b, context))
        return next(map_info(row) for row in context.workspace.maps() if row.id == id)

    async with context.finding:
        return await run_in_threadpool(work)


async def _suggested(context: Context) -> Sequence[Suggestion]:
    suggester = context.doors.suggester
    if suggester is None:
        raise Refusal(409, "this server suggests nothing: start it with `shoal serve`")
    async with context.finding:
        return await run_in_threadpool(suggester.suggestions)


def round_info(row: RoundRow, numbers: dict[int, int], *, map_id: int) -> RoundInfo:
    """Write one round's row for the wire by `learned_numbers`; of its report, the plain numbers."""
    report = {key: float(value) for key, value in row.report.items() if isinstance(value, int | float)}
    return RoundInfo(
        id=row.id,
        learned=numbers[row.id],
        created=row.created,
        map_id=map_id,
        label_seq=row.label_seq,
        parent=None if row.parent is None else numbers.get(row.parent),
        layer=row.layer,
        loss=row.loss,
        classes=list(row.classes),
        report=report,
    )
