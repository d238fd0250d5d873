"""Long work: started here, done by another process, seen through its row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path

from shoal.server.answers import JobInfo
from shoal.server.context import Context, Ctx
from shoal.server.errors import Refusal, absent_is_404
from shoal.server.schemas import JobRequest
from shoal.workspace.jobs import OPEN

if TYPE_CHECKING:
    from shoal.workspace import JobRow

router = APIRouter(prefix="/api", tags=["jobs"])


@router.get("/jobs")
def jobs(context: Ctx) -> list[JobInfo]:
    """List the latest job, if there ever was one."""
    latest = context.workspace.jobs.latest()
    return [job_info(latest)] if latest else []


@router.post("/jobs", status_code=202)
def start(context: Ctx, request: JobRequest) -> JobInfo:
    """Start or resume the work, in another process."""
    if context.start_job is None:
        raise Refusal(409, "this server starts no work: run `shoal map` beside it")
    with context.writing:
        latest = context.workspace.jobs.latest()
        if latest and latest.state in OPEN:
            raise Refusal(409, f"job {latest.id} is {latest.state}: wait for it or cancel it first")
        job_id = context.start_job(request.kind, request.parameters.model_dump())
        return job_info(context.workspace.jobs.get(job_id))


@router.post("/jobs/{id}/cancel", status_code=202)
def cancel(context: Ctx, id: Annotated[int, Path(ge=0, lt=2**31)]) -> JobInfo:
    """Ask a job to stop; what it has finished stays."""
    jobs = context.workspace.jobs
    with absent_is_404():
        row = jobs.get(id)
    if row.state in OPEN:
        with context.writing:
            jobs.request_cancel(id)
    return job_info(jobs.get(id))


def start_unless_busy(context: Context, kind: str) -> None:
    """Start work without parameters, where this server starts any and none is under way."""
    latest = context.workspace.jobs.latest()
    if context.start_job is not None and not (latest and latest.state in OPEN):
        context.start_job(kind, {})


def job_info(row: JobRow) -> JobInfo:
    """Write one job's row for the wire."""
    return JobInfo.model_validate(row, from_attributes=True)
