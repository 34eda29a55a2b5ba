"""Callers behind a proxy that writes the port of each connection into X-Forwarded-For."""

from collections.abc import Callable

import pytest

from tests.support.client import open_client

LIMIT = 5


@pytest.mark.parametrize(
    "write",
    [
        lambda port: f"203.0.113.9:{port}",
        lambda port: f"[2001:db8::1]:{port}",
        lambda port: f"[2001:db8::{port:x}]:{port}",
        lambda port: f"[::ffff:203.0.113.9]:{port}",
        lambda port: f"_gazonk{port}",
    ],
    ids=["IPv4", "IPv6", "a network of IPv6", "mapped", "no address"],
)
def test_wrong_tokens_from_many_ports_are_limited(monkeypatch: pytest.MonkeyPatch, write: Callable[[int], str]) -> None:
    with open_client(monkeypatch, rate_limit=f"{LIMIT}/hour", trusted_proxies=1) as client:
        answers = [
            client.ask({}, token=f"Bearer 9|wrong{port}", headers={"X-Forwarded-For": write(port)})
            for port in range(50_000, 50_024)
        ]
        assert [answer.status_code for answer in answers] == [401] * LIMIT + [429] * (24 - LIMIT)


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [("10.0.2.7:51234", 200), ("[::ffff:10.0.2.7]:443", 200), ("192.0.2.8:51234", 403), ("unknown", 403)],
)
def test_a_tokens_allowed_ip_is_compared_without_the_port(
    monkeypatch: pytest.MonkeyPatch, forwarded: str, status: int
) -> None:
    with open_client(monkeypatch, rate_limit=None, trusted_proxies=1) as client:
        asked = client.ask({}, token="Bearer 3|elsewhere", headers={"X-Forwarded-For": forwarded})
        assert asked.status_code == status
