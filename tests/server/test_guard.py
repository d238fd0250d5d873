"""The guard alone, around an application that says what reached it."""

import asyncio
import json

import pytest

from shoal.server.guard import BODY_LIMIT, Guard
from shoal.server.settings import ServerSettings

SETTINGS = ServerSettings(host="127.0.0.1", port=8765, token="launch-token", secret="cookie-secret", user="u")
WORKSPACE = "0123456789abcdef"
HOST = (b"host", b"127.0.0.1:8765")
COOKIE = (b"cookie", b"other=1; shoal-8765=cookie-secret; more=2")
NAVIGATION = [(b"sec-fetch-mode", b"navigate"), (b"sec-fetch-dest", b"document")]


class Probe:
    """An ASGI application that answers 200 and remembers the body it was given."""

    def __init__(self):
        self.body = None

    async def __call__(self, scope, receive, send):
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            return
        self.body = (await receive()).get("body")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"in"})


def call(
    headers,
    *,
    method="GET",
    path="/api/state",
    query=b"",
    kind="http",
    chunks=(b"",),
    guard=None,
    app=None,
    server=("127.0.0.1", 8765),
):
    """Return (status or websocket message type, headers, body) of one request."""
    guard = guard or Guard(app or Probe(), SETTINGS, workspace_id=WORKSPACE)
    scope = {"type": kind, "method": method, "path": path, "query_string": query, "headers": list(headers)}
    scope["server"] = server
    waiting = [{"type": "http.request", "body": c, "more_body": True} for c in chunks]
    waiting[-1]["more_body"] = False
    sent = []

    async def receive():
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    asyncio.run(guard(scope, receive, send))
    if kind == "websocket":
        return sent[0]["type"], [], b""
    return sent[0]["status"], sent[0]["headers"], b"".join(m.get("body", b"") for m in sent[1:])


def status(*headers, **more):
    return call(headers, **more)[0]


def test_our_own_page_comes_in_by_cookie_and_a_script_by_bearer():
    assert status(HOST, COOKIE) == 200
    assert status(HOST, (b"authorization", b"Bearer launch-token")) == 200
    assert status((b"host", b"localhost:8765"), COOKIE) == 200
    assert (
        status((b"host", b"LocalHost:8765"), COOKIE, (b"origin", b"http://localhost:8765"), method="POST")
        == 200
    )


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [b"evil.com"],
        [b"evil.com:8765"],
        [b"127.0.0.1"],
        [b"127.0.0.1:80"],
        [b"127.0.0.1:8765", b"127.0.0.1:8765"],
        [b"127.0.0.1:8765", b"evil.com"],
        [b"127.0.0.1:8765@evil.com"],
        [b"127.0.0.1:8765/api"],
        [b"127.0.0.1:8765 "],
        [b"0.0.0.0:8765"],
        [b"127.1:8765"],
        [b""],
    ],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_any_other_host_is_refused(hosts, kind):
    answer = status(*[(b"host", host) for host in hosts], COOKIE, kind=kind)
    assert answer == (403 if kind == "http" else "websocket.close")


@pytest.mark.parametrize(
    "origin",
    [
        b"http://evil.com",
        b"null",
        b"",
        b"http://127.0.0.1",
        b"http://127.0.0.1:8766",
        b"http://localhost:8765",
    ],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_any_other_origin_is_refused(origin, kind, method):
    answer = status(HOST, COOKIE, (b"origin", origin), kind=kind, method=method)
    assert answer == (403 if kind == "http" else "websocket.close")


def test_two_origins_are_refused_even_when_one_is_ours():
    ours = (b"origin", b"http://127.0.0.1:8765")
    assert status(HOST, COOKIE, ours) == 200
    assert status(HOST, COOKIE, ours, (b"origin", b"http://evil.com")) == 403


@pytest.mark.parametrize("site", [b"cross-site", b"same-site", b"nonsense", b""])
@pytest.mark.parametrize(("method", "path"), [("POST", "/api/labels"), ("GET", "/api/labels"), ("POST", "/")])
def test_fetches_of_other_sites_are_refused(site, method, path):
    assert status(HOST, COOKIE, (b"sec-fetch-site", site), *NAVIGATION, method=method, path=path) == 403


def test_other_sites_may_link_to_the_page_but_not_embed_it():
    cross = (b"sec-fetch-site", b"cross-site")
    assert status(HOST, COOKIE, cross, *NAVIGATION, path="/") == 200
    frame = [(b"sec-fetch-mode", b"navigate"), (b"sec-fetch-dest", b"iframe")]
    assert status(HOST, COOKIE, cross, *frame, path="/") == 403
    assert status(HOST, COOKIE, cross, path="/") == 403
    assert status(HOST, COOKIE, cross, *NAVIGATION, kind="websocket", path="/") == "websocket.close"


def test_a_link_without_the_strict_cookie_goes_to_the_page_by_our_own_hand_and_never_in_a_circle():
    code, _, body = call([HOST, (b"sec-fetch-site", b"cross-site"), *NAVIGATION], path="/")
    assert code == 200
    assert b"url=/" in body
    assert status(HOST, (b"sec-fetch-site", b"same-origin"), *NAVIGATION, path="/") == 401


@pytest.mark.parametrize(
    "header",
    [
        (b"x", b"y"),
        (b"cookie", b"shoal-8765=wrong"),
        (b"cookie", b"shoal-8766=cookie-secret"),
        (b"cookie", b"shoal-8765=launch-token"),
        (b"cookie", b"xshoal-8765=cookie-secret"),
        (b"cookie", b"shoal-8765"),
        (b"authorization", b"Bearer cookie-secret"),
        (b"authorization", b"Bearer "),
        (b"authorization", b"Basic launch-token"),
        (b"authorization", b"Bearer l\xc3\xa4unch"),
    ],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_without_the_token_nothing_is_answered(header, kind):
    for path in ("/api/state", "/", "/assets/index.js"):
        assert status(HOST, header, kind=kind, path=path) == (401 if kind == "http" else "websocket.close")


def test_the_door_sets_a_strict_cookie_that_the_guard_knows():
    code, headers, _ = call([HOST], path="/open", query=b"token=launch-token")
    cookie = dict(headers)[b"set-cookie"]
    assert code == 303
    assert dict(headers)[b"location"] == b"/"
    assert b"HttpOnly" in cookie
    assert b"SameSite=Strict" in cookie
    assert b"launch-token" not in cookie
    assert status(HOST, (b"cookie", cookie.partition(b";")[0])) == 200


@pytest.mark.parametrize(
    "query", [b"", b"token=", b"token=wrong", b"token=launch-token&token=launch-token", b"%ff"]
)
def test_the_door_stays_shut_for_any_other_token(query):
    code, headers, _ = call([HOST], path="/open", query=query)
    assert code == 401
    assert b"set-cookie" not in dict(headers)
    assert status(HOST, path="/open", query=b"token=launch-token", method="POST") == 401
    assert status((b"host", b"evil.com"), path="/open", query=b"token=launch-token") == 403


def test_a_one_time_code_opens_once():
    guard = Guard(Probe(), SETTINGS, workspace_id=WORKSPACE)
    query = b"token=" + guard.one_time_code().encode()
    assert status(HOST, path="/open", query=query, guard=guard) == 303
    assert status(HOST, path="/open", query=query, guard=guard) == 401


def test_a_body_at_the_limit_arrives_whole_and_one_byte_more_does_not():
    probe = Probe()
    half = b"x" * (BODY_LIMIT // 2)
    assert status(HOST, COOKIE, method="POST", chunks=(half, half), app=probe) == 200
    assert probe.body == half + half
    assert status(HOST, COOKIE, method="POST", chunks=(half, half, b"x")) == 413
    for length in (b"4194305", b"-1", b"1e3", b"99999999999999999999"):
        assert status(HOST, COOKIE, (b"content-length", length), method="POST") == 413


def test_nobody_without_the_token_makes_the_server_read_a_body():
    assert status(HOST, (b"content-length", b"4194305"), method="POST") == 401


def test_a_page_of_another_workspace_writes_nothing_here():
    ours, other = (b"x-shoal-workspace", WORKSPACE.encode()), (b"x-shoal-workspace", b"fedcba9876543210")
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert status(HOST, COOKIE, ours, method=method) == 200
        assert status(HOST, COOKIE, method=method) == 200
        assert status(HOST, COOKIE, (b"x-shoal-workspace", b""), method=method) == 421
        assert status(HOST, COOKIE, ours, other, method=method) == 421
    probe = Probe()
    code, _, body = call([HOST, COOKIE, other], method="POST", path="/api/labels", app=probe)
    assert code == 421
    assert probe.body is None
    assert set(json.loads(body)) == {"detail"}
    assert "another" in json.loads(body)["detail"]
    assert status(HOST, COOKIE, other) == 200
    assert status(HOST, other, method="POST") == 401
    assert status(HOST, COOKIE, other, kind="websocket") == "websocket.accept"


@pytest.mark.parametrize(
    ("arrived", "host"),
    [
        ("10.1.2.3", b"10.1.2.3:8765"),
        ("::ffff:10.1.2.3", b"10.1.2.3:8765"),
        ("fe80::1%eth0", b"[fe80::1]:8765"),
    ],
)
def test_a_server_on_every_address_answers_to_the_one_the_connection_came_to(arrived, host):
    everywhere = ServerSettings(
        host="0.0.0.0", port=8765, token="launch-token", secret="cookie-secret", user="u"
    )

    def answer(settings, host):
        guard = Guard(Probe(), settings, workspace_id=WORKSPACE)
        return status((b"host", host), COOKIE, guard=guard, server=(arrived, 8765))

    assert answer(everywhere, host) == 200
    assert answer(everywhere, b"10.1.2.4:8765") == 403
    assert answer(everywhere, b"evil.com:8765") == 403
    assert answer(SETTINGS, host) == 403


def test_every_answer_carries_the_security_headers():
    for headers in ([HOST, COOKIE], [HOST], [(b"host", b"evil.com")]):
        _, answered, _ = call(headers)
        found = dict(answered)
        policy = found[b"content-security-policy"]
        assert b"default-src 'self'" in policy
        assert b"frame-ancestors 'none'" in policy
        assert b"unsafe" not in policy
        assert found[b"x-content-type-options"] == b"nosniff"
        assert found[b"referrer-policy"] == b"no-referrer"
        assert found[b"cross-origin-opener-policy"] == b"same-origin"
        assert found[b"cross-origin-resource-policy"] == b"same-origin"
        assert found[b"cache-control"] == b"no-store"
        assert not any(name.startswith(b"access-control") for name in found)


def test_a_refusal_says_what_to_do():
    assert "shoal serve" in json.loads(call([HOST])[2])["detail"]
    assert "127.0.0.1:8765" in json.loads(call([(b"host", b"evil.com")])[2])["detail"]
