"""Answers that are not JSON: how they are documented and how they are cached."""

from typing import Any

from fastapi import Response


def binary(media_type: str, description: str) -> dict[int | str, dict[str, Any]]:
    """Describe a binary answer for the OpenAPI document."""
    body = {"schema": {"type": "string", "format": "binary"}}
    return {200: {"description": description, "content": {media_type: body}}}


def cached(etag: str, body: bytes | None = None, media_type: str | None = None) -> Response:
    """Answer `body`, or 304 without one; the browser keeps it but asks each time.

    Not `immutable`: another workspace may be served from the same host and port tomorrow.
    """
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if body is None:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)
