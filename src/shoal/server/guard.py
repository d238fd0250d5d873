"""The guard before everything: it reads the raw scope only, http and WebSocket alike, and trusts no URL.

Middleware that checks the Host header alone let other sites' requests and sockets through; this lets in
exactly one Host that we answer to, our own Origin, our own pages' fetches, and a known token.
"""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shoal.server.settings import ServerSettings

BODY_LIMIT = 4 * 1024 * 1024
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
OUR_SITE = (b"same-origin", b"none")
NAVIGABLE = ("/", "/open")
_SECURITY_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; "
        b"form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
# A page of ours that goes to "/": a Strict cookie is not sent along a navigation that another site began.
_BOUNCE = (
    b'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=/"><title>Shoal</title>'
)


@dataclass(frozen=True, slots=True)
class _Denied(Exception):  # noqa: N818 - an answer, not an error
    status: int
    detail: str


class Guard:
    """Let a request through to `app`, or answer why not; also keeps the door /open?token=..."""

    def __init__(self, app: ASGIApp, settings: ServerSettings, *, workspace_id: str) -> None:
        self._app = app
        self._settings = settings
        self._workspace_id = workspace_id
        self._codes: set[str] = set()

    def one_time_code(self) -> str:
        """Return a code that opens /open once: what goes on a command line is read by every local user."""
        code = secrets.token_urlsafe(32)
        self._codes.add(code)
        return code

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI)."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        answer = send if scope["type"] == "websocket" else _with_headers(send)
        try:
            await self._admit(scope, receive, answer)
        except _Denied as denied:
            await _deny(denied, scope, answer)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        self._check_host_and_origin(scope, headers)
        _check_site(scope, headers)
        if scope["type"] == "http" and scope["path"] == "/open":
            await self._open(scope, headers, send)
            return
        if not self._known(headers):
            if scope["type"] == "http" and scope["path"] == "/" and _foreign(headers):
                await _answer(send, 200, _BOUNCE, b"text/html; charset=utf-8")
                return
            raise _Denied(401, "no valid token: open the address that `shoal serve` printed when it started")
        if scope["type"] == "http":
            self._check_workspace(scope, headers)
            receive = await _limited(headers, receive)
        await self._app(scope, receive, send)

    def _check_host_and_origin(self, scope: Scope, headers: list[tuple[bytes, bytes]]) -> None:
        hosts = _values(headers, b"host")
        known = self._settings.hosts(_arrived(scope))
        if len(hosts) != 1 or hosts[0].decode("latin-1").lower() not in known:
            names = ", ".join(sorted(known))
            raise _Denied(
                403,
                f"this host is not served; address the server as one of: {names}. Behind a proxy or another "
                "name, start it with --allow-host",
            )
        ours = (b"http://" + hosts[0].lower(), b"https://" + hosts[0].lower())
        origins = _values(headers, b"origin")
        if len(origins) > 1 or any(origin.lower() not in ours for origin in origins):
            raise _Denied(403, "requests from other sites are not answered")

    def _check_workspace(self, scope: Scope, headers: list[tuple[bytes, bytes]]) -> None:
        """Refuse what a page of another workspace would write: one that was served on this port before."""
        meant = _values(headers, b"x-shoal-workspace")
        if scope["method"] not in SAFE_METHODS and any(id != self._workspace_id.encode() for id in meant):
            raise _Denied(
                421,
                "this request is for another workspace than the one that is served here now: reload the page",
            )

    async def _open(self, scope: Scope, headers: list[tuple[bytes, bytes]], send: Send) -> None:
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        if scope["method"] != "GET" or len(given) != 1 or not self._opens(given[0]):
            raise _Denied(
                401, "this token is not valid (any more): open the address that `shoal serve` printed"
            )
        cookie = f"{self._settings.cookie}={self._settings.secret}; HttpOnly; SameSite=Strict; Path=/"
        extra = [(b"set-cookie", cookie.encode())]
        if _foreign(headers):
            await _answer(send, 200, _BOUNCE, b"text/html; charset=utf-8", extra)
        else:
            await _answer(send, 303, b"", b"text/plain", [*extra, (b"location", b"/")])

    def _opens(self, token: str) -> bool:
        if token in self._codes:
            self._codes.discard(token)
            return True
        return _same(token.encode(), self._settings.token)

    def _known(self, headers: list[tuple[bytes, bytes]]) -> bool:
        bearers = [
            value[7:] for value in _values(headers, b"authorization") if value[:7].lower() == b"bearer "
        ]
        if any(_same(bearer.strip(), self._settings.token) for bearer in bearers):
            return True
        pairs = [
            pair.strip().partition(b"=")
            for value in _values(headers, b"cookie")
            for pair in value.split(b";")
        ]
        name = self._settings.cookie.encode()
        return any(_same(value, self._settings.secret) for key, _, value in pairs if key == name)


def _check_site(scope: Scope, headers: list[tuple[bytes, bytes]]) -> None:
    if not _foreign(headers):
        return
    navigates = _values(headers, b"sec-fetch-mode") == [b"navigate"]
    top = _values(headers, b"sec-fetch-dest") == [b"document"]
    page = scope["type"] == "http" and scope["method"] == "GET" and scope["path"] in NAVIGABLE
    if not (page and navigates and top):
        raise _Denied(403, "requests from other sites are not answered")


def _foreign(headers: list[tuple[bytes, bytes]]) -> bool:
    return any(site not in OUR_SITE for site in _values(headers, b"sec-fetch-site"))


def _values(headers: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for key, value in headers if key == name]


def _arrived(scope: Scope) -> str | None:
    """Return the address of this machine that the connection came to, as a browser writes it."""
    server = scope.get("server")
    if not server:
        return None
    address = str(server[0]).partition("%")[0]
    with suppress(ValueError):
        if mapped := IPv6Address(address).ipv4_mapped:
            return str(mapped)
    return address


def _same(given: bytes, secret: str) -> bool:
    return secrets.compare_digest(given, secret.encode())


async def _limited(headers: list[tuple[bytes, bytes]], receive: Receive) -> Receive:
    """Read the whole body, at most `BODY_LIMIT` bytes, and hand it on in one piece."""
    too_large = _Denied(413, f"the body is larger than {BODY_LIMIT} bytes; send fewer items at once")
    if any(not value.isdigit() or int(value) > BODY_LIMIT for value in _values(headers, b"content-length")):
        raise too_large
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            first = message
            break
        body += message.get("body", b"")
        if len(body) > BODY_LIMIT:
            raise too_large
        more = message.get("more_body", False)
    else:
        first = {"type": "http.request", "body": bytes(body), "more_body": False}
    waiting = [first]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _with_headers(send: Send) -> Send:
    """Add the security headers to every answer; what says nothing about caching is not kept."""

    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), *_SECURITY_HEADERS]
            if not _values(headers, b"cache-control"):
                headers.append((b"cache-control", b"no-store"))
            message = {**message, "headers": headers}
        await send(message)

    return wrapped


async def _deny(denied: _Denied, scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        # Closing before accepting makes the server answer the handshake with 403.
        await send({"type": "websocket.close", "code": 1008, "reason": denied.detail})
    elif scope["path"].startswith("/api/"):
        await _answer(
            send, denied.status, json.dumps({"detail": denied.detail}).encode(), b"application/json"
        )
    else:
        await _answer(send, denied.status, denied.detail.encode() + b"\n", b"text/plain; charset=utf-8")


async def _answer(
    send: Send, status: int, body: bytes, media_type: bytes, extra: list[tuple[bytes, bytes]] | None = None
) -> None:
    headers = [(b"content-type", media_type), (b"content-length", str(len(body)).encode()), *(extra or [])]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
