"""What the page must know to draw itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query

from shoal.server.context import Ctx
from shoal.server.routes.jobs import job_info
from shoal.server.routes.maps import map_info
from shoal.server.routes.rounds import round_info
from shoal.server.schemas import ClassInfo, Gesture, ItemCounts, SkippedItem, State

if TYPE_CHECKING:
    from shoal.workspace import Event, Workspace

router = APIRouter(prefix="/api", tags=["state"])
Limit = Annotated[int, Query(ge=1, le=10_000)]
KEYS = 9


@router.get("/ping")
async def ping() -> str:
    """Answer at once, whatever else is going on."""
    return "pong"


@router.get("/state")
def state(context: Ctx) -> State:
    """Return everything the page draws besides positions, labels and pictures."""
    workspace, user = context.workspace, context.settings.user
    label_seq = workspace.log.seq()
    classes = class_infos(workspace)
    undo, redo = workspace.log.undoable(user), workspace.log.redoable(user)
    current, learned, job, backbone, counts = (
        workspace.current_map(),
        workspace.rounds.current(),
        workspace.jobs.latest(),
        workspace.backbone(),
        workspace.counts(),
    )
    return State(
        workspace=workspace.name,
        workspace_id=workspace.uuid,
        user=user,
        items=ItemCounts(
            total=counts.total, embedded=counts.embedded, pending=counts.pending, skipped=counts.skipped
        ),
        layers=list(backbone.layers) if backbone else [],
        map=map_info(current) if current else None,
        round=round_info(learned) if learned else None,
        classes=classes,
        label_seq=label_seq,
        labelled=sum(row.count for row in classes),
        undo=gesture(undo) if undo else None,
        redo=gesture(redo) if redo else None,
        job=job_info(job) if job else None,
    )


@router.get("/skipped")
def skipped(context: Ctx, limit: Limit = 1000) -> list[SkippedItem]:
    """List what could not become an item, with the reasons."""
    rows = context.workspace.skipped()[:limit]
    return [SkippedItem(name=name, reason=reason) for name, reason in rows]


@router.get("/history")
def history(context: Ctx, limit: Limit = 100) -> list[Gesture]:
    """List the label log, newest first."""
    return [gesture(event) for event in context.workspace.log.history(limit)]


def class_infos(workspace: Workspace) -> list[ClassInfo]:
    """List the classes; the first nine have the keys 1 to 9."""
    return [
        ClassInfo(id=row.id, name=row.name, key=place if place <= KEYS else None, count=row.count)
        for place, row in enumerate(workspace.log.classes(), start=1)
    ]


def gesture(event: Event) -> Gesture:
    """Write one event of the label log for the wire."""
    return Gesture.model_validate(event, from_attributes=True)
