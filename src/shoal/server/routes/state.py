"""What the page must know to draw itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query

from shoal.server.answers import ClassInfo, Gesture, ItemCounts, SkippedItem, State
from shoal.server.context import Ctx, User
from shoal.server.routes.jobs import job_info
from shoal.server.routes.maps import map_info
from shoal.server.routes.rounds import round_info
from shoal.types import NONE_OF_THESE, PUT_ASIDE
from shoal.workspace.round_list import learned_numbers

if TYPE_CHECKING:
    from shoal.workspace import Event, Workspace

router = APIRouter(prefix="/api", tags=["state"])
Limit = Annotated[int, Query(ge=1, le=10_000)]


@router.get("/ping")
async def ping() -> str:
    """Answer at once, whatever else is going on."""
    return "pong"


@router.get("/state")
def state(context: Ctx, user: User) -> State:
    """Return everything the page draws besides positions, labels and pictures."""
    workspace = context.workspace
    label_seq = workspace.log.seq()
    classes = class_infos(workspace)
    undo, redo = workspace.log.undoable(user), workspace.log.redoable(user)
    current, learned, job, counts = (
        workspace.current_map(),
        workspace.rounds.current(),
        workspace.jobs.latest(),
        workspace.counts(),
    )
    numbers = learned_numbers(workspace)  # last: a round that is saved meanwhile has a number too
    return State(
        workspace=workspace.name,
        workspace_id=workspace.uuid,
        user=user,
        items=ItemCounts(
            total=counts.total, embedded=counts.embedded, pending=counts.pending, skipped=counts.skipped
        ),
        layers=list(workspace.layers),
        map=map_info(current) if current else None,
        round=round_info(learned, numbers, map_id=learned.map_id) if learned else None,
        classes=classes,
        next_class=workspace.log.next_class(),
        label_seq=label_seq,
        labelled=sum(row.count for row in classes),
        none_of_these=workspace.log.count(NONE_OF_THESE),
        put_aside=workspace.log.count(PUT_ASIDE),
        rejected=len(workspace.log.rejected()[0]),
        undo=gesture(undo, numbers) if undo else None,
        redo=gesture(redo, numbers) if redo else None,
        job=job_info(job) if job else None,
    )


@router.get("/skipped")
def skipped(context: Ctx, limit: Limit = 1000) -> list[SkippedItem]:
    """List what could not become an item, with the reasons."""
    rows = context.workspace.skipped()[:limit]
    return [SkippedItem(name=name, reason=reason) for name, reason in rows]


def class_infos(workspace: Workspace) -> list[ClassInfo]:
    """List the living classes by id."""
    return [ClassInfo.model_validate(row, from_attributes=True) for row in workspace.log.classes()]


def gesture(event: Event, numbers: dict[int, int]) -> Gesture:
    """Write one event of the label log for the wire, its round by the number of `learned_numbers`."""
    found = Gesture.model_validate(event, from_attributes=True)
    if found.round_id is not None:
        found.round_id = numbers.get(found.round_id, found.round_id)
    return found
