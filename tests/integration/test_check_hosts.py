"""`check` judges as the service does: every host of the URL, a pooler's mode; and it prints in every locale."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from demo.loading import READER
from demo.pair import Pair
from demo.postgres import PostgresServer
from tests.support.pooler import PGBOUNCER, Pooler
from tests.support.running import ROOT, build_environment
from tests.support.shop import PRIYA, open_shop
from tickiti_query.cli import main
from tickiti_query.replica import connect_reasons as reasons


def build_url(*servers: PostgresServer | None) -> str:
    """The URL of several hosts; None is one that is not there."""
    hosts = ",".join(quote(str(server.sockets) if server else "/no/such", safe="") for server in servers)
    ports = ",".join(str(server.port if server else 1) for server in servers)
    return f"postgresql://{READER}@/postgres?host={hosts}&port={ports}"


def check(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], pooler: str = "none"
) -> tuple[int, list[str], str]:
    """The exit code, the lines, and standard error."""
    monkeypatch.setenv("TICKITI_REPLICA_URL", url)
    monkeypatch.setenv("TICKITI_POOLER", pooler)
    code = main(["check"])
    output = capsys.readouterr()
    return code, output.out.splitlines(), output.err


def test_each_host_is_tried_in_order(
    shop_pair: Pair, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = build_url(shop_pair.primary, None, shop_pair.standby, shop_pair.standby)
    assert open_shop(shop_pair, replica_url=url).ask(PRIYA).status_code == 200
    code, lines, errors = check(url, monkeypatch, capsys)
    assert (code, errors) == (0, "")
    assert lines[:4] == [
        "ok       host 1 of 4: is a primary, and passed over",
        f"warning  host 2 of 4: {reasons.NO_SOCKET}",
        "ok       host 3 of 4: is read",
        "ok       host 4 of 4: is fit, for when the others fail",
    ]
    assert "ok       standby: the server is a hot standby" in lines
    assert lines[-1].endswith(" 0 faults")


def test_primaries_alone_are_a_fault(
    shop_pair: Pair, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = build_url(None, shop_pair.primary)
    assert open_shop(shop_pair, replica_url=url).ask(PRIYA).status_code == 503
    code, lines, _ = check(url, monkeypatch, capsys)
    assert code == 1
    assert [line for line in lines if line.startswith("fault")] == [
        "fault    standby: the server is a primary, and TICKITI_REQUIRE_STANDBY asks for a hot standby"
    ]


def test_where_no_host_answers_each_says_why(
    shop_pair: Pair, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = build_url(None, shop_pair.standby).replace("/postgres?", "/no_such?")
    code, lines, errors = check(url, monkeypatch, capsys)
    assert (code, lines) == (2, [])
    assert f"Host 1 of 2: {reasons.NO_SOCKET} Host 2 of 2: {reasons.NO_DATABASE}" in errors


@pytest.mark.skipif(PGBOUNCER is None, reason="no pgbouncer: no mode of a pooler was checked")
@pytest.mark.parametrize(
    ("settings", "status", "found"),
    [
        ("pool_mode = statement", 503, f"fault    pooler: {reasons.STATEMENT_MODE}"),
        (
            "pool_mode = session",
            200,
            "warning  pooler: each connection keeps a session of its own: pool_mode is session",
        ),
        ("server_round_robin = 1", 200, ""),
    ],
)
def test_the_mode_of_a_pooler_is_judged(
    shop_pair: Pair,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    settings: str,
    status: int,
    found: str,
) -> None:
    with Pooler(tmp_path / "pooler", shop_pair.standby, sessions=4, settings=settings) as pooler:
        shop = open_shop(shop_pair, replica_url=pooler.url, pooler="transaction")
        assert shop.ask(PRIYA).status_code == status
        if status == 503:
            assert shop.probe()[1]["checks"]["replica"] == reasons.STATEMENT_MODE
        code, lines, _ = check(pooler.url, monkeypatch, capsys, "transaction")
    assert code == (1 if found.startswith("fault") else 0)
    said = [line for line in lines if " pooler: " in line]
    assert len(said) == bool(found)
    assert not found or said[0].startswith(found)


@pytest.mark.parametrize(
    "locale", [{"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"PYTHONIOENCODING": "ascii"}]
)
def test_a_locale_without_the_letters_of_a_ticket_is_no_failure(shop_pair: Pair, locale: dict[str, str]) -> None:
    [(number,)] = shop_pair.primary.execute("SELECT min(number) FROM reporting.tickets")
    command = ["why", "--user", "1", "--perspective", "3", "--ticket", str(number)]
    shop_pair.primary.execute("UPDATE reporting.perspectives SET name = name || ' Größe' WHERE id = 3")
    try:
        rest = {name: value for name, value in build_environment().items() if name not in {"LANG", "LC_CTYPE"}}
        done = subprocess.run(
            [sys.executable, "-m", "tickiti_query", *command],
            cwd=ROOT,
            env={**rest, **locale, "TICKITI_REPLICA_URL": shop_pair.standby.url_for(READER)},
            capture_output=True,
            check=False,
        )
    finally:
        shop_pair.primary.execute("UPDATE reporting.perspectives SET name = replace(name, ' Größe', '') WHERE id = 3")
    assert (done.returncode, done.stderr.decode()) == (0, "")
    assert rb"Gr\xf6\xdfe" in done.stdout
    assert done.stdout.isascii()
