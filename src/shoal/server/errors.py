"""Every refusal becomes a `Problem` with a status here, and nowhere else; no stack trace goes out."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from shoal.server.answers import Problem
from shoal.types import ShoalError


class Refusal(ShoalError):  # noqa: N818 - the word of the house
    """A refusal by the server itself, with the HTTP status that says which kind it is."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


@contextmanager
def absent_is_404() -> Iterator[None]:
    """Answer 404 when the workspace says that there is no such thing; one with a cause passes through."""
    try:
        yield
    except ShoalError as error:
        if error.__cause__ is not None:
            raise
        raise Refusal(404, str(error)) from error


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Answer `detail` as a `Problem`."""
    return JSONResponse(Problem(detail=detail).model_dump(), status, headers)


def install(app: FastAPI) -> None:
    """Register the answer to every kind of error."""
    app.add_exception_handler(ShoalError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    if isinstance(error, Refusal):
        return problem(error.status, str(error))
    # A cause (disk full, database busy) passes: the page keeps the gesture and tries again after a 503.
    return problem(503 if error.__cause__ else 409, str(error))


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    return problem(422, f"{field}: {first['msg']}")


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    # FastAPI says 400 where the bytes are no text, and 422 where the text is no JSON: here both are 422.
    status = 422 if error.status_code == 400 else error.status_code
    return problem(status, str(error.detail), error.headers)


async def _unforeseen(_: Request, error: Exception) -> JSONResponse:
    return problem(500, f"the server failed ({type(error).__name__}); its terminal says more")
