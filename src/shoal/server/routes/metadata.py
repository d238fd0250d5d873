"""Columns of metadata: what the files tell, and tables from beside the pile."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from shoal.server import columns
from shoal.server.answers import ColumnInfo
from shoal.server.context import Context, Ctx
from shoal.server.doors import Column, Columns
from shoal.server.errors import Refusal, absent_is_404
from shoal.server.wire import binary

router = APIRouter(prefix="/api", tags=["columns"])
ColumnId = Annotated[int, Path(ge=0, lt=2**31)]


@router.get("/columns")
def list_columns(context: Ctx) -> list[ColumnInfo]:
    """List the columns."""
    known = context.doors.columns
    return [_info(column) for column in known.known()] if known else []


@router.get(
    "/columns/{id}",
    response_class=Response,
    responses=binary(
        columns.MEDIA_TYPE,
        "f32 by item id, NaN where nothing is known: a number, days since 1970-01-01 UTC, or the place of a "
        "category",
    ),
)
def values(context: Ctx, id: ColumnId) -> Response:
    """Return one column's values."""
    with absent_is_404():
        return Response(columns.pack([_columns(context).values(id)]), media_type=columns.MEDIA_TYPE)


@router.get("/columns/{id}/categories")
def categories(context: Ctx, id: ColumnId) -> list[str]:
    """Return a column's table of categories, by place; empty for numbers and dates."""
    for column in _columns(context).known():
        if column.id == id:
            return list(column.categories)
    raise Refusal(404, f"there is no column {id}")


def _columns(context: Context) -> Columns:
    if context.doors.columns is None:
        raise Refusal(404, "this server has no columns of metadata")
    return context.doors.columns


def _info(column: Column) -> ColumnInfo:
    return ColumnInfo.model_validate(
        {
            "id": column.id,
            "name": column.name,
            "kind": column.kind,
            "categories": len(column.categories),
            "origin": column.origin,
        }
    )
