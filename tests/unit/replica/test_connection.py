"""The time that connecting to an address may take, as the URL says it."""

from typing import NoReturn

import psycopg2
import pytest

from tickiti_query.model.request import Deadline
from tickiti_query.replica import connection
from tickiti_query.replica.connection import (
    CONNECT_SECONDS,
    LAST_CONNECT_SECONDS,
    LONGEST_CONNECT_SECONDS,
    Examine,
    Host,
    Target,
    find_connect_seconds,
)
from tickiti_query.replica.database_errors import NoConnectionError


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
    assert [find_connect_seconds(host, is_last=False) for host in target.list_hosts()] == [seconds] * 2


def test_the_last_address_has_more_time_where_the_url_does_not_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing else that could be tried meanwhile."""
    waited: list[float] = []

    def refuse(_address: Host, deadline: Deadline, _examine: Examine) -> NoReturn:
        waited.append(deadline.remaining_seconds)
        raise psycopg2.OperationalError("Connection refused")

    monkeypatch.setattr(connection, "connect_to", refuse)
    target = Target("postgresql://10.0.0.1,10.0.0.2,10.0.0.3/tickiti", "reporting", statement_timeout_ms=5000)
    with pytest.raises(NoConnectionError):
        connection.connect(target.list_hosts(), Deadline(1000.0, lambda: 0.0))
    assert waited == [CONNECT_SECONDS, CONNECT_SECONDS, LAST_CONNECT_SECONDS]
