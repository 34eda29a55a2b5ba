"""The time that connecting to an address may take, as the URL says it."""

import pytest

from tickiti_query.replica.connection import (
    CONNECT_SECONDS,
    LONGEST_CONNECT_SECONDS,
    Target,
    find_connect_seconds,
)


@pytest.mark.parametrize(
    ("parameter", "seconds"),
    [
        ("", CONNECT_SECONDS),
        ("?connect_timeout=10", 10.0),
        ("?connect_timeout=1", 1.0),
        ("?connect_timeout=0", LONGEST_CONNECT_SECONDS),  # no limit, as libpq reads it
        ("?connect_timeout=-1", LONGEST_CONNECT_SECONDS),
        ("?connect_timeout=soon", CONNECT_SECONDS),  # libpq refuses it
    ],
)
def test_each_host_has_the_connect_timeout_of_the_url(parameter: str, seconds: float) -> None:
    target = Target(f"postgresql://one,two/tickiti{parameter}", "reporting", statement_timeout_ms=5000)
    assert [find_connect_seconds(host) for host in target.list_hosts()] == [seconds] * 2
