"""libpq's environment variables and its service file: none of them changes an answer, and what is ignored is said."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.environment import UNCOUNTED
from demo.loading import READER
from demo.pair import Pair
from tests.support.running import Running, wait_until
from tests.support.shop import TOM, Shop, open_shop
from tickiti_query.cli import main
from tickiti_query.reporting.contract import RELATIONS

SERVICE = """
[elsewhere]
host=/nowhere
hostaddr=192.0.2.1
port=1
dbname=elsewhere
user=nobody
options=-c TimeZone=Asia/Kolkata -c DateStyle=German
client_encoding=LATIN1
application_name=elsewhere
target_session_attrs=read-write
"""
# Each with values that would change what is read, or whether anything is. A file is the service file above.
VARIABLES = {
    "PGHOST": ("/nowhere", "192.0.2.1"),
    "PGHOSTADDR": ("192.0.2.1",),
    "PGPORT": ("1", "x"),
    "PGDATABASE": ("elsewhere",),
    "PGSERVICE": ("elsewhere", "unknown"),
    "PGSERVICEFILE": ("file", "/nowhere"),
    "PGSYSCONFDIR": ("/nowhere",),
    "PGUSER": ("nobody",),
    "PGPASSWORD": ("wrong",),
    "PGPASSFILE": ("/nowhere",),
    "PGOPTIONS": ("-c TimeZone=Asia/Kolkata -c search_path=public", "-c no_such_setting=1"),
    "PGTZ": ("Asia/Kolkata", "America/St_Johns"),
    "PGDATESTYLE": ("German", "SQL, DMY", "Postgres"),
    "PGGEQO": ("off",),
    "PGCLIENTENCODING": ("LATIN1", "SQL_ASCII", "SJIS", "auto"),
    "PGAPPNAME": ("elsewhere",),
    "PGTARGETSESSIONATTRS": ("read-write", "primary", "x"),
    "PGLOADBALANCEHOSTS": ("random", "x"),
    "PGCONNECT_TIMEOUT": ("1", "x"),
    "PGSSLROOTCERT": ("/nowhere",),
    "PGSSLCERT": ("/nowhere",),
    "PGSSLKEY": ("/nowhere",),
    "PGSSLCRL": ("/nowhere",),
    "PGSSLMODE": ("disable",),
    "PGKRBSRVNAME": ("elsewhere",),
    "PGLOCALEDIR": ("/nowhere",),
}
CASES = [(name, value) for name, values in VARIABLES.items() for value in values]
DAY = "2026-05-01"
SEARCH = {"search_object": {"criteria": [{"mode": mode, "tokens": [DAY]} for mode in ("created_from", "created_to")]}}
BODIES: tuple[dict[str, Any], ...] = ({"row_limit": 1000}, SEARCH)


def list_answers(shop: Shop) -> list[Any]:
    return [shop.list_rows(TOM, body) for body in BODIES]


SCHEMA = "zoned"
IN_ZONE = "CAST({0} AT TIME ZONE 'UTC' AS timestamp) AS {0}"


@pytest.fixture(scope="module")
def zoned(shop_pair: Pair) -> Iterator[Pair]:
    """The shop through views over times with a zone, which turn into the contract's by the zone of the session."""
    statements = [f"CREATE SCHEMA {SCHEMA}", f"GRANT USAGE ON SCHEMA {SCHEMA} TO {READER}"]
    for relation, columns in RELATIONS.items():
        read = [IN_ZONE.format(name) if "timestamp" in kind else name for name, kind in columns.items()]
        statements.append(f"CREATE VIEW {SCHEMA}.{relation} AS SELECT {', '.join(read)} FROM reporting.{relation}")
    statements.append(f"GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO {READER}")
    shop_pair.primary.execute("; ".join(statements))
    yield shop_pair
    shop_pair.primary.execute(f"DROP SCHEMA {SCHEMA} CASCADE")


def open_zoned(pair: Pair, **settings: Any) -> Shop:
    return open_shop(pair, replica_schema=SCHEMA, **settings)


@pytest.fixture(scope="module")
def told(shop: Shop) -> list[Any]:
    """The answers of the service over the tables, in an environment of its own."""
    rows = list_answers(shop)
    assert all(rows)
    return rows


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "pg_service.conf"
    file.write_text(SERVICE)
    return file


@pytest.fixture(autouse=True)
def unchanged_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment, which the service takes variables out of, is put back."""
    before = {name: value for name, value in os.environ.items() if name.startswith("PG")}
    yield
    monkeypatch.undo()
    os.environ.update(before)


def set_variable(monkeypatch: pytest.MonkeyPatch, file: Path, name: str, value: str) -> None:
    monkeypatch.setenv(name, str(file) if value == "file" else value)
    if value in {"file", "elsewhere"}:
        monkeypatch.setenv("PGSERVICEFILE", str(file))


@pytest.mark.parametrize(("name", "value"), CASES)
def test_no_variable_changes_an_answer(
    zoned: Pair, told: list[Any], file: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    set_variable(monkeypatch, file, name, value)
    shop = open_zoned(zoned)
    assert list_answers(shop) == told
    assert shop.probe()[0] == 200


@pytest.mark.parametrize("name", ["PGTZ", "PGDATESTYLE", "PGOPTIONS", "PGCLIENTENCODING", "PGTARGETSESSIONATTRS"])
def test_nor_does_one_that_is_set_while_the_service_runs(
    zoned: Pair, told: list[Any], file: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    shop = open_zoned(zoned)
    set_variable(monkeypatch, file, name, VARIABLES[name][0])
    assert list_answers(shop) == told


@pytest.mark.parametrize(
    "part", ["?options=-c%20TimeZone%3DAsia/Kolkata%20-c%20DateStyle%3DGerman", "?client_encoding=LATIN1"]
)
def test_nor_does_a_setting_in_the_url(zoned: Pair, told: list[Any], part: str) -> None:
    url = zoned.standby.url_for(READER)
    shop = open_zoned(zoned, replica_url=f"{url}&{part[1:]}")
    assert list_answers(shop) == told


def test_a_service_that_the_url_names_is_a_part_of_it(
    zoned: Pair, told: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = zoned.standby
    mine = f"[mine]\nhost={server.sockets}\nport={server.port}\ndbname=postgres\nuser={READER}\n"
    file = tmp_path / "pg_service.conf"
    file.write_text(f"{mine}options=-c TimeZone=Asia/Kolkata\nclient_encoding=LATIN1\n")
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    assert list_answers(open_zoned(zoned, replica_url="postgresql://?service=mine")) == told


def test_roles_and_databases_do_not_change_an_answer(zoned: Pair, told: list[Any]) -> None:
    settings = ("TimeZone = 'Asia/Kolkata'", "DateStyle = 'German'", "client_encoding = 'LATIN1'")
    names = [setting.partition(" ")[0] for setting in settings]
    try:
        for setting in settings:
            zoned.primary.execute(f"ALTER ROLE {READER} SET {setting}")
        assert list_answers(open_zoned(zoned)) == told
    finally:
        for name in names:
            zoned.primary.execute(f"ALTER ROLE {READER} RESET {name}")


def test_gunicorn_starts_in_the_worst_environment_and_says_what_it_ignores(
    zoned: Pair, told: list[Any], file: Path, tmp_path: Path
) -> None:
    worst = {name: VARIABLES[name][0] for name in UNCOUNTED} | {"PGSERVICEFILE": str(file)}
    log = tmp_path / "log"
    running = Running(zoned.standby.url_for(READER), log, TICKITI_REPLICA_SCHEMA=SCHEMA, **worst)
    try:
        wait_until(running.is_up)
        status, found = running.ask(TOM, '{"row_limit": 1000}')
        assert (status, found["data"]) == (200, told[0])
    finally:
        running.end()
    for name in UNCOUNTED:
        assert running.read_log().count(f"{name} is ignored: ") == 1


@pytest.mark.parametrize(("name", "value"), [(name, VARIABLES[name][0]) for name in UNCOUNTED])
def test_commands_ignore_it_too(
    zoned: Pair,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
) -> None:
    set_variable(monkeypatch, file, name, value)
    monkeypatch.setenv("TICKITI_REPLICA_URL", zoned.standby.url_for(READER))
    assert main(["check"]) == 0
    assert " 0 faults" in capsys.readouterr().out
