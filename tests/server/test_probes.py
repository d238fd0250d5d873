"""Raw bytes to a real server: what no client library would send."""

import base64
import os
import re
import socket

import pytest
from tests.server.live import TOKEN


def exchange(server, request: bytes) -> bytes:
    """Send bytes, return the whole answer; one of untold length until the server closes or is silent."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(request)
        received = b""
        while b"\r\n\r\n" not in received and (piece := connection.recv(65536)):
            received += piece
        head, _, body = received.partition(b"\r\n\r\n")
        if told := re.search(rb"(?i)\ncontent-length: *(\d+)", head):
            missing = int(told[1]) - len(body)
            while missing > 0 and (piece := connection.recv(65536)):
                received, missing = received + piece, missing - len(piece)
            return received
        connection.settimeout(0.2)
        try:
            while piece := connection.recv(65536):
                received += piece
        except TimeoutError:
            pass
        return received


def request(
    server, *lines: str, target="/api/state", method="GET", host=None, token=TOKEN, body=b""
) -> bytes:
    head = [f"{method} {target} HTTP/1.1", f"Host: {host or f'127.0.0.1:{server.port}'}", "Connection: close"]
    if token:
        head.append(f"Authorization: Bearer {token}")
    if body:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*head, *lines, "", ""]).encode("latin-1") + body


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def handshake(server, *lines: str, **more) -> int:
    key = base64.b64encode(os.urandom(16)).decode()
    upgrade = ["Upgrade: websocket", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", *lines]
    raw = request(server, *upgrade, target="/api/changes", **more)
    return status(exchange(server, raw.replace(b"Connection: close", b"Connection: Upgrade")))


def test_the_probes_themselves_can_get_in(running):
    assert status(exchange(running, request(running))) == 200
    assert status(exchange(running, request(running, f"Origin: {running.base}"))) == 200
    assert handshake(running) == 101
    assert handshake(running, f"Origin: {running.base}") == 101


def test_hosts(running):
    port = running.port
    assert status(exchange(running, request(running, host=f"localhost:{port}"))) == 200
    for host in (
        "evil.com",
        f"evil.com:{port}",
        "127.0.0.1",
        "127.0.0.1:1",
        f"127.0.0.1:{port}.evil.com",
        f"[::]:{port}",
    ):
        assert status(exchange(running, request(running, host=host))) == 403, host
        assert handshake(running, host=host) == 403, host
    for second in (f"127.0.0.1:{port}", "evil.com"):
        assert status(exchange(running, request(running, f"Host: {second}"))) in (400, 403)
        assert handshake(running, f"Host: {second}") in (400, 403)
    assert status(exchange(running, b"GET /api/state HTTP/1.1\r\nConnection: close\r\n\r\n")) in (400, 403)
    assert status(exchange(running, b"GET /api/state HTTP/1.0\r\n\r\n")) in (400, 403)
    query_in_host = request(running, host=f"127.0.0.1:{port}?")
    assert status(exchange(running, query_in_host)) in (400, 403)


def test_origins_and_sites(running):
    body = b'{"request_id": "request-0001", "name": "cat"}'
    create = {"method": "POST", "target": "/api/classes", "body": body}
    json = "Content-Type: application/json"
    wrong = (
        "http://evil.com",
        "null",
        f"http://127.0.0.1:{running.port + 1}",
        f"http://localhost:{running.port}",
    )
    for origin in wrong:
        raw = request(running, json, f"Origin: {origin}", **create)
        assert status(exchange(running, raw)) == 403, origin
        assert handshake(running, f"Origin: {origin}") == 403, origin
    for site in ("cross-site", "same-site"):
        raw = request(
            running, json, f"Sec-Fetch-Site: {site}", method="POST", target="/api/classes", body=body
        )
        assert status(exchange(running, raw)) == 403
        assert status(exchange(running, request(running, f"Sec-Fetch-Site: {site}"))) == 403
        assert handshake(running, f"Sec-Fetch-Site: {site}") == 403
    assert b'"classes":[]' in exchange(running, request(running))


def test_tokens(running):
    for token in (None, "wrong", TOKEN[:-1], TOKEN + "x"):
        assert status(exchange(running, request(running, token=token))) == 401
        assert status(exchange(running, request(running, token=token, target="/"))) == 401
        assert handshake(running, token=token) == 403
    assert status(exchange(running, request(running, token=None, target=f"/open?token={TOKEN}"))) == 303
    assert status(exchange(running, request(running, token=None, target="/open?token=wrong"))) == 401


def test_an_absolute_target_gets_no_further_than_its_host(running):
    assert (
        status(exchange(running, request(running, target=f"{running.base}/api/state", host="evil.com")))
        == 403
    )
    answer = exchange(running, request(running, target="http://evil.com/api/state"))
    assert status(answer) == 404
    assert b"tester" not in answer
    bypass = request(running, target="http://evil.com/open", token=None)
    assert status(exchange(running, bypass)) == 401


@pytest.mark.parametrize("length", ["4194305", "99999999999999999999"])
def test_a_large_body_is_refused_before_it_is_sent(running, length):
    raw = request(running, f"Content-Length: {length}", method="POST", target="/api/labels")
    assert status(exchange(running, raw)) == 413


def test_a_large_body_in_chunks_is_refused_too(running):
    raw = request(running, "Transfer-Encoding: chunked", method="POST", target="/api/labels")
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    assert status(exchange(running, raw + chunk * 4 + b"1\r\n \r\n0\r\n\r\n")) == 413


TRAVERSALS = [
    "/../../etc/passwd",
    "/assets/../../../../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/..%2f..%2fetc%2fpasswd",
    "/..%252f..%252fetc/passwd",
    "/..\\..\\etc\\passwd",
    "/..%5c..%5cetc%5cpasswd",
    "//etc/passwd",
    "/%2fetc%2fpasswd",
    "/assets/%00/etc/passwd",
    "/.%2e/.%2e/etc/passwd",
    "/static/../app.py",
    "/app.py",
    "/catalogue.sqlite",
    "/api/../../etc/passwd",
    "/api/items/../../../etc/passwd",
    "/api/items/%2e%2e/thumbnail/64",
    "/api/maps/..%2f..%2fetc%2fpasswd/points",
    "/api/export/labels.%2e%2e%2fpasswd",
    "/api/export/labels.csv/../../../etc/passwd",
    "/%ff%fe",
    "/" + "a" * 8000,
    "/" + "../" * 2000 + "etc/passwd",
]


@pytest.mark.parametrize("target", TRAVERSALS, ids=[target[:40] for target in TRAVERSALS])
def test_no_target_names_a_file(running, target):
    answer = exchange(running, request(running, target=target))
    assert status(answer) in (400, 404, 405, 414, 422, 503)
    assert b"root:" not in answer
    assert b"SQLite format" not in answer


def test_after_all_that_it_still_answers(running):
    for junk in (b"\0" * 100, b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"G" * 100_000):
        exchange(running, junk + b"\r\n\r\n")
    assert status(exchange(running, request(running))) == 200
