"""The embedded pair behaves as a real primary and its hot standby do."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from demo import binaries
from demo.binaries import DemoError
from demo.pair import Pair
from demo.postgres import STOP_SECONDS
from tests.support.processes import is_alive
from tests.support.running import wait_until
from tests.support.servers import crash, create_listening_pair, pause_replay, promote, resume_replay, tcp_url_for

COUNT = "SELECT count(*) FROM pair_rows"
INSERT = "INSERT INTO pair_rows DEFAULT VALUES"


@pytest.fixture
def rows(pair: Pair) -> Iterator[Pair]:
    pair.primary.execute("CREATE TABLE pair_rows (id bigint GENERATED ALWAYS AS IDENTITY)")
    yield pair
    pair.start()
    pair.primary.execute("DROP TABLE pair_rows")


def count_rows(pair: Pair) -> int:
    return int(pair.standby.execute(COUNT)[0][0])


def test_a_commit_is_on_the_standby_when_it_returns(rows: Pair) -> None:
    for number in range(1, 51):
        rows.primary.execute(INSERT)
        assert count_rows(rows) == number


def test_the_standby_refuses_to_write(rows: Pair) -> None:
    with pytest.raises(psycopg2.InternalError) as refused:
        rows.standby.execute(INSERT)
    assert refused.value.pgcode == "25006"


def test_paused_replay_shows_old_rows_until_it_is_resumed(rows: Pair) -> None:
    pause_replay(rows)
    try:
        connection = rows.primary.connect(options="-c synchronous_commit=local")
        with connection.cursor() as cursor:
            cursor.execute(INSERT)
        connection.close()
        assert count_rows(rows) == 0
        with pytest.raises(DemoError, match="did not replay up to"):
            rows.wait_replayed(timeout=0.2)
    finally:
        resume_replay(rows)
    rows.wait_replayed()
    assert count_rows(rows) == 1


def test_a_crashed_server_comes_back_with_its_rows(rows: Pair) -> None:
    rows.primary.execute(INSERT)
    for server in (rows.standby, rows.primary):
        crash(server)
        assert not server.is_running
        rows.start()
        assert count_rows(rows) == 1
    rows.primary.execute(INSERT)
    assert count_rows(rows) == 2


def test_a_frozen_server_is_made_to_stop(rows: Pair) -> None:
    os.kill(rows.standby.pid, signal.SIGSTOP)
    started = time.monotonic()
    rows.standby.stop()
    assert not rows.standby.is_running
    assert time.monotonic() - started < STOP_SECONDS  # after which it would be asked in another way


def test_lower_folds_more_than_ascii(pair: Pair) -> None:
    assert pair.standby.execute("SELECT lower('ÀÉ')") == [("àé",)]


def test_a_directory_is_reused_and_a_promoted_standby_replaced(tmp_path: Path) -> None:
    with create_listening_pair(tmp_path / "a" / "pair") as first:
        first.primary.execute("CREATE TABLE pair_rows AS SELECT 1 AS id")
        psycopg2.connect(tcp_url_for(first.standby, "postgres")).close()
        promote(first)
        assert first.standby.execute("SELECT pg_is_in_recovery()") == [(False,)]
    with Pair.create(tmp_path / "a" / "pair") as second:
        assert second.standby.execute("SELECT pg_is_in_recovery()") == [(True,)]
        assert count_rows(second) == 1


def test_a_long_path_still_has_a_short_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    with Pair.create(deep) as pair:
        assert pair.standby.execute("SELECT 1") == [(1,)]
        assert stat.S_IMODE(pair.primary.sockets.stat().st_mode) == 0o700
    pair.primary.sockets.rmdir()


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    pair = Pair.create(tmp_path, settings={"no_such_setting": "1"})
    with pytest.raises(DemoError, match="no_such_setting"):
        pair.start()


def test_the_servers_end_when_their_program_is_killed(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from demo.pair import Pair\n"
        "pair = Pair.create(Path(sys.argv[1])).start()\n"
        "print(pair.primary.pid, pair.standby.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    root = Path(__file__).parents[2]
    result = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], cwd=root, capture_output=True, text=True, check=False
    )
    pids = [int(word) for word in result.stdout.split()]
    assert len(pids) == 2, result.stderr
    wait_until(lambda: not any(map(is_alive, pids)))


def test_missing_programs_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TICKITI_PG_BINDIR", str(tmp_path))
    with pytest.raises(DemoError, match="postgres and initdb not found in"):
        binaries.find_bindir()
