"""The built page: right types, right caching, nothing besides."""

import pytest

from shoal.server import page


@pytest.fixture
def built(tmp_path, monkeypatch):
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<!doctype html><title>Shoal</title>")
    (static / "assets" / "index-abc123.js").write_text("export {}")
    (static / "icon.svg").write_text("<svg/>")
    (tmp_path / "secret.txt").write_text("secret")
    monkeypatch.setattr(page, "STATIC", static)
    return static


def test_the_page_and_its_parts(untouched, built):
    index = untouched.get("/")
    assert "Shoal" in index.text
    assert index.headers["content-type"] == "text/html; charset=utf-8"
    assert index.headers["cache-control"] == "no-cache"
    script = untouched.get("/assets/index-abc123.js")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in script.headers["cache-control"]
    assert untouched.get("/icon.svg").headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize(
    "address",
    [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/..%5csecret.txt",
        "/%2fetc/passwd",
        "//etc/passwd",
        "/assets/%00",
        "/assets",
        "/assets/",
        "/index.html/",
    ],
)
def test_nothing_besides_the_page(untouched, built, address):
    answer = untouched.get(address)
    assert answer.status_code == 404
    assert answer.text != "secret"
    assert "root:" not in answer.text


def test_a_page_that_is_not_built_says_what_to_do(untouched, tmp_path, monkeypatch):
    monkeypatch.setattr(page, "STATIC", tmp_path / "nothing")
    answer = untouched.get("/")
    assert answer.status_code == 503
    assert "make" in answer.text
