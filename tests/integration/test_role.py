"""A role that could write is not ready: readyz, the log and `check` say why. The API goes on reading."""

import logging

import pytest

from demo.pair import Pair
from tests.support.shop import PRIYA, Shop, open_shop
from tickiti_query.cli import main

READ = "GRANT SELECT ON reporting.teams TO tickiti_query"


def grant(right: str, role: str) -> tuple[str, str]:
    """Return the statements that give the role a right on teams, and take it away again."""
    return f"GRANT {right} ON teams TO {role}", f"REVOKE {right} ON teams FROM {role}"


OWNED = (
    "ALTER TABLE teams OWNER TO tickiti_query",
    f"ALTER TABLE teams OWNER TO postgres; REVOKE ALL ON teams FROM tickiti_query; {READ}",
)
BY_MEMBERSHIP = (
    "CREATE ROLE scribe; GRANT DELETE ON teams TO scribe; GRANT scribe TO tickiti_query",
    "DROP OWNED BY scribe; DROP ROLE scribe",
)
ELSEWHERE = (
    "CREATE SCHEMA other; CREATE TABLE other.notes (); GRANT TRUNCATE ON other.notes TO tickiti_query",
    "DROP SCHEMA other CASCADE",
)


@pytest.mark.parametrize(
    ("do", "undo", "why"),
    [
        (*grant("INSERT", "tickiti_query"), "may INSERT on reporting.teams"),
        (*grant("UPDATE (name)", "tickiti_query"), "may UPDATE on reporting.teams"),
        (*grant("DELETE", "PUBLIC"), "may DELETE on reporting.teams"),
        (*OWNED, "owns reporting.teams"),
        (*BY_MEMBERSHIP, "may DELETE on reporting.teams"),
        (*ELSEWHERE, "may TRUNCATE on other.notes"),
        (
            "ALTER ROLE tickiti_query SUPERUSER",
            "ALTER ROLE tickiti_query NOSUPERUSER",
            "the superuser tickiti_query",
        ),
    ],
)
def test_a_role_that_could_write_is_not_ready(
    shop: Shop, caplog: pytest.LogCaptureFixture, do: str, undo: str, why: str
) -> None:
    assert shop.probe()[0] == 200
    caplog.clear()
    with shop.change(do, undo):
        status, body = shop.probe()
        assert (status, body["ok"]) == (503, False)
        assert {name: word for name, word in body["checks"].items() if word != "ok"}.keys() == {"role"}
        assert why in body["checks"]["role"]
        assert shop.probe()[0] == 503
        # What it answers is right all the same: every transaction is read-only, and so is a standby.
        assert shop.ask(PRIYA, {"row_limit": 3}).status_code == 200
    assert shop.probe()[0] == 200
    lines = [record for record in caplog.records if record.name == "tickiti_query.health"]
    assert [(line.levelno, line.message) for line in lines] == [
        (logging.ERROR, "not ready"),
        (logging.WARNING, "ready again"),
    ]
    assert lines[0].facts["check"] == "role"  # type: ignore[attr-defined]
    assert why in lines[0].facts["reason"]  # type: ignore[attr-defined]


def test_check_says_the_same(
    shop_pair: Pair, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = shop_pair.standby.url_for("postgres")
    monkeypatch.setenv("TICKITI_REPLICA_URL", url)
    assert main(["check"]) == 1
    assert "fault    role postgres: is a superuser" in capsys.readouterr().out
    status, body = open_shop(shop_pair, replica_url=url).probe()
    assert (status, "the superuser postgres" in body["checks"]["role"]) == (503, True)
