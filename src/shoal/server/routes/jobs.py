"""Long work: started here, done by another process, seen through its row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path

from shoal.server.context import Ctx
from shoal.server.errors import Refusal
from shoal.server.schemas import JobInfo, JobRequest
from shoal.types import ShoalError

if TYPE_CHECKING:
    from shoal.workspace import JobRow

router = APIRouter(prefix="/api", tags=["jobs"])
ALIVE = ("queued", "running")


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
        if latest and latest.state in ALIVE:
            raise Refusal(409, f"job {latest.id} is {latest.state}: wait for it or cancel it first")
        return job_info(context.workspace.jobs.get(context.start_job(request.kind)))


@router.post("/jobs/{id}/cancel", status_code=202)
def cancel(context: Ctx, id: Annotated[int, Path(ge=0, lt=2**31)]) -> JobInfo:
    """Ask a job to stop; what it has finished stays."""
    jobs = context.workspace.jobs
    try:
        row = jobs.get(id)
    except ShoalError as error:
        raise Refusal(404, str(error)) from error
    if row.state in ALIVE:
        with context.writing:
            jobs.request_cancel(id)
    return job_info(jobs.get(id))


def job_info(row: JobRow) -> JobInfo:
    """Write one job's row for the wire."""
    return JobInfo.model_validate(row, from_attributes=True)
