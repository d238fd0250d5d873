"""The built page: files listed from disk, so that no request is ever turned into a path."""

from pathlib import Path

from fastapi import APIRouter, Response

from shoal.server.errors import Refusal

STATIC = Path(__file__).parent / "static"
# Not from `mimetypes`: that reads the machine's own tables, which may call a script text/plain.
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
    ".wasm": "application/wasm",
    ".txt": "text/plain; charset=utf-8",
}

router = APIRouter(include_in_schema=False)


@router.get("/{address:path}")
def page(address: str) -> Response:
    """Answer one file of the page; "/" is its index."""
    if address.startswith("api/"):
        raise Refusal(404, f"there is no /{address}")
    files = {file.relative_to(STATIC).as_posix(): file for file in STATIC.rglob("*") if file.is_file()}
    if "index.html" not in files:
        return Response(
            "The page is not built: run `make`, or reinstall shoal.\n", 503, media_type="text/plain"
        )
    file = files.get(address or "index.html")
    if file is None:
        raise Refusal(404, f"there is no /{address}")
    # Vite names what it puts into assets/ by content: such an address never means anything else.
    keep = "public, max-age=31536000, immutable" if address.startswith("assets/") else "no-cache"
    kind = TYPES.get(file.suffix, "application/octet-stream")
    return Response(file.read_bytes(), headers={"Cache-Control": keep, "Content-Type": kind})
