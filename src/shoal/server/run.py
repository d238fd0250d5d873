"""Start the server: find a port, print nothing secret twice, stop cleanly."""

from __future__ import annotations

import errno
import os
import re
import secrets
import signal
import socket
import sys
import threading
import warnings
import webbrowser
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

import uvicorn

from shoal.server.app import create_app
from shoal.server.context import Exporter, StartJob
from shoal.server.doors import Doors
from shoal.server.settings import EVERYWHERE, LOOPBACK, ServerSettings
from shoal.types import ShoalError

if TYPE_CHECKING:
    from shoal.workspace import Workspace

DEFAULT_PORT = 8765
PORTS_TRIED = 50
SHORTEST_TOKEN = 16


def serve(
    workspace: Workspace,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    token: str | None = None,
    user: str,
    open_browser: bool = False,
    start_job: StartJob | None = None,
    exporters: Mapping[str, Exporter] | None = None,
    doors: Doors | None = None,
    allowed_hosts: Sequence[str] = (),
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve `workspace` until SIGINT or SIGTERM; `on_ready` gets the address with the token.

    `port` None means 8765. A taken port gives way to the next free one; 0 takes any. Raise `ShoalError` when
    `host` is not of this machine alone and there is no `token`, when an allowed host is no HOST[:PORT], or
    when no port can be had.
    """
    _check_exposure(host, token)
    _check_names(allowed_hosts)
    with _listen(host, DEFAULT_PORT if port is None else port) as listener:
        settings = ServerSettings(
            host=host,
            port=listener.getsockname()[1],
            token=token or secrets.token_urlsafe(32),
            secret=secrets.token_urlsafe(32),
            user=user,
            allowed_hosts=tuple(allowed_hosts) + (_own_names(listener) if host in EVERYWHERE else ()),
        )
        guard = create_app(
            workspace, settings=settings, start_job=start_job, exporters=exporters, doors=doors
        )

        def ready() -> None:
            if open_browser and _has_display():
                address = _door(settings, guard.one_time_code())
                threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
            if on_ready is not None:
                on_ready(_door(settings, settings.token))

        config = uvicorn.Config(
            guard,
            access_log=False,  # its lines would hold the token of /open
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=5,
            ws_max_size=4096,
        )
        with _quiet_signals():
            _Server(config, ready).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Tell when connections are accepted."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


def _check_exposure(host: str, token: str | None) -> None:
    if host in LOOPBACK:
        return
    if token is None or len(token) < SHORTEST_TOKEN:
        raise ShoalError(
            f"the server refuses to listen on {host!r}, which others can reach, without a token of at least "
            f"{SHORTEST_TOKEN} characters: pass one with --token, or in $SHOAL_TOKEN, which other users of "
            "this machine cannot read; or stay on 127.0.0.1 and use an SSH tunnel"
        )
    warnings.warn(
        f"listening on {host}: labels, pictures and the token travel unencrypted; put a TLS proxy before it",
        stacklevel=3,
    )


def _check_names(hosts: Sequence[str]) -> None:
    for host in hosts:
        if not re.fullmatch(r"([^\s/:@\[\]]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?", host):
            raise ShoalError(
                f"{host!r} is no host that a browser sends: write HOST or HOST:PORT, without http:// and path"
            )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, min(port + PORTS_TRIED, 65536)) if port else [0]:
        listener = socket.socket(family, socket.SOCK_STREAM)
        if os.name == "posix":  # elsewhere it lets two programs have one port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
            # Only listening tells whether the port is ours: bind alone shares it with another SO_REUSEADDR.
            listener.listen(2048)
        except OSError as error:
            listener.close()
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise ShoalError(
                    f"the server cannot listen on {host!r}: {error.strerror or error}"
                ) from error
        else:
            return listener
    raise ShoalError(f"the server found no free port from {port} on; name another one")


def _own_names(listener: socket.socket) -> tuple[str, ...]:
    """List what this machine is called, for a server that listens on every address."""
    port = listener.getsockname()[1]
    names = {socket.gethostname(), socket.getfqdn(), *LOOPBACK[:2]}
    with suppress(OSError):
        names |= {str(entry[4][0]) for entry in socket.getaddrinfo(socket.gethostname(), None)}
    return tuple(sorted(f"[{name}]:{port}" if ":" in name else f"{name}:{port}" for name in names))


def _door(settings: ServerSettings, token: str) -> str:
    url = settings.url()
    if settings.everywhere:
        url = f"http://{socket.gethostname()}:{settings.port}/"
    return f"{url}open?token={quote(token, safe='')}"


def _has_display() -> bool:
    """Tell whether a browser can show itself; without a display `webbrowser` starts one in the terminal."""
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@contextmanager
def _quiet_signals() -> Iterator[None]:
    """Let SIGINT and SIGTERM end `run` normally: uvicorn raises them once more when it has shut down."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _ignore) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore(*_: object) -> None:
    """Do nothing."""
