"""The composition root: the routes, the errors, the guard around them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from shoal.server import errors, page
from shoal.server.answers import Problem
from shoal.server.changes import Changes
from shoal.server.context import Context, Exporter, RecentMaps, StartJob
from shoal.server.doors import Doors
from shoal.server.guard import Guard
from shoal.server.routes import (
    changes,
    exports,
    finding,
    history,
    items,
    jobs,
    labels,
    maps,
    metadata,
    rounds,
    state,
    thumbnails,
)
from shoal.server.settings import ServerSettings

if TYPE_CHECKING:
    from shoal.workspace import Workspace

_REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "no valid token"},
    403: {"model": Problem, "description": "another site or host"},
    404: {"model": Problem, "description": "no such thing"},
    409: {"model": Problem, "description": "not in this state of the workspace"},
    413: {"model": Problem, "description": "the body is too large"},
    421: {"model": Problem, "description": "X-Shoal-Workspace names another workspace"},
    422: {"model": Problem, "description": "the request is not what it should be"},
    503: {"model": Problem, "description": "not now: try again"},
}


def create_app(
    workspace: Workspace,
    *,
    settings: ServerSettings,
    start_job: StartJob | None = None,
    exporters: Mapping[str, Exporter] | None = None,
    doors: Doors | None = None,
) -> Guard:
    """Return the ASGI application over `workspace`, behind its guard.

    `start_job(kind, parameters)` starts work in another process and returns the job's id; `exporters`
    gives the content of labels.csv, labels.jsonl and labels.parquet by the last part of the name.
    `doors` lead to finding, metadata, large pictures and quality.
    """
    app = routes_app()
    app.state.context = Context(
        workspace=workspace,
        settings=settings,
        start_job=start_job,
        exporters=exporters or {},
        epoch=secrets.token_hex(4),
        maps=RecentMaps(workspace),
        changes=Changes(workspace),
        doors=doors or Doors(),
    )
    return Guard(app, settings, workspace_id=workspace.uuid)


def routes_app() -> FastAPI:
    """Return the routes without a workspace: enough for the OpenAPI document."""
    app = FastAPI(
        title="Shoal",
        version="1",
        description="The API of the page. Changes are hinted over the WebSocket /api/changes.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        responses=_REFUSALS,
        generate_unique_id_function=_operation,
    )
    parts = (
        state,
        history,
        maps,
        rounds,
        labels,
        finding,
        metadata,
        thumbnails,
        items,
        jobs,
        exports,
        changes,
        page,
    )
    for part in parts:
        app.include_router(part.router)
    errors.install(app)
    return app


def _operation(route: APIRoute) -> str:
    return f"{route.tags[0]}_{route.name}" if route.tags else route.name
