"""Which hosts a server answers to."""

import pytest

from shoal.server.settings import ServerSettings

LOCAL = {"127.0.0.1:1", "localhost:1", "[::1]:1"}
TWO = {"[fe80::2]", "[fe80::2]:1"}


def settings(host, port, allowed=()):
    return ServerSettings(host=host, port=port, token="t", secret="s", user="u", allowed_hosts=allowed)


@pytest.mark.parametrize(
    ("host", "port", "allowed", "hosts"),
    [
        ("127.0.0.1", 8765, (), {"127.0.0.1:8765", "localhost:8765", "[::1]:8765"}),
        ("192.168.1.5", 9000, (), {"192.168.1.5:9000"}),
        (
            "fe80::1",
            9000,
            ("Label.Example.org",),
            {"[fe80::1]:9000", "label.example.org", "label.example.org:9000"},
        ),
        ("127.0.0.1", 1, ("Box:2", "[fe80::1]:3", "[fe80::2]"), LOCAL | {"box:2", "[fe80::1]:3"} | TWO),
        ("example.org", 80, (), {"example.org:80", "example.org"}),
    ],
)
def test_hosts(host, port, allowed, hosts):
    assert settings(host, port, allowed).hosts() == hosts


def test_two_servers_on_one_host_have_two_cookies():
    assert settings("127.0.0.1", 1).cookie != settings("127.0.0.1", 2).cookie


def test_the_address_writes_ipv6_in_brackets():
    assert settings("::1", 8765).url() == "http://[::1]:8765/"
