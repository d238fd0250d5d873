"""What one start of the server is told."""

from dataclasses import dataclass

LOOPBACK = ("127.0.0.1", "localhost", "::1")
EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - compared, not bound


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Say where the server listens, who may speak to it, and in whose name labels are written.

    `token` opens the door, `secret` is what the cookie holds (fresh at every start, so that a restart
    revokes), `allowed_hosts` are further values of the Host header; one without a port stands for itself,
    as behind a proxy, and for itself on `port`.
    """

    host: str
    port: int
    token: str
    secret: str
    user: str
    allowed_hosts: tuple[str, ...] = ()

    @property
    def cookie(self) -> str:
        """Name the cookie by port: cookies ignore ports, and two servers must not overwrite each other's."""
        return f"shoal-{self.port}"

    @property
    def everywhere(self) -> bool:
        """Tell whether the server listens on every address of this machine."""
        return self.host in EVERYWHERE

    def hosts(self, arrived: str | None = None) -> frozenset[str]:
        """Return every Host header that is answered, in lower case.

        A server on every address answers to the one in digits that the connection `arrived` at, too: unlike
        a name, it cannot be pointed here by anybody else.
        """
        names = LOOPBACK if self.host in LOOPBACK else (self.host,)
        if self.everywhere and arrived is not None:
            names = (*names, arrived)
        here = {authority(name, self.port) for name in names}
        if self.port == 80:
            here |= {authority(name, None) for name in names}
        without_port = {host for host in self.allowed_hosts if not host.rpartition(":")[2].isdigit()}
        here |= {f"{host}:{self.port}" for host in without_port}
        return frozenset(host.lower() for host in here | set(self.allowed_hosts))

    def url(self) -> str:
        """Return the address of the page, without the token."""
        return f"http://{authority(self.host, self.port)}/"


def authority(host: str, port: int | None) -> str:
    """Write `host` and `port` as a URL does: IPv6 addresses in brackets."""
    name = f"[{host}]" if ":" in host else host
    return name if port is None else f"{name}:{port}"
