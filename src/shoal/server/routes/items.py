"""Items, one at a time."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from shoal.server.context import Ctx
from shoal.server.errors import absent_is_404
from shoal.server.schemas import ItemInfo
from shoal.types import UNLABELLED

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
