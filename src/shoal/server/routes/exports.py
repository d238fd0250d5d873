"""Labels to take away."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Response
from starlette.responses import StreamingResponse

from shoal.server.context import Ctx
from shoal.server.errors import Refusal

router = APIRouter(prefix="/api", tags=["export"])
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}
_DOWNLOAD: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "one row for each labelled item: path, source, class, and the gesture that decided it",
        "content": {
            kind.partition(";")[0]: {"schema": {"type": "string", "format": "binary"}}
            for kind in MEDIA_TYPES.values()
        },
    }
}


@router.get("/export/labels.{form}", response_class=Response, responses=_DOWNLOAD)
def labels(context: Ctx, form: Annotated[Literal["csv", "jsonl", "parquet"], Path()]) -> Response:
    """Download the current labels with their provenance."""
    if form not in context.exporters:
        known = ", ".join(context.exporters) or "none"
        raise Refusal(404, f"this server exports no {form}; it can: {known}")
    content = context.exporters[form](context.workspace)
    headers = {"Content-Disposition": f'attachment; filename="labels.{form}"'}
    if isinstance(content, bytes):
        return Response(content, media_type=MEDIA_TYPES[form], headers=headers)
    return StreamingResponse(content, media_type=MEDIA_TYPES[form], headers=headers)
