"""No proved answer differs from the rows while writers do all they can; and the stress catches wrong proofs."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.binaries import BINDIR_VARIABLE
from demo.pair import Pair
from tests.stress.run import Stress
from tests.stress.workload import SETTINGS
from tickiti_query.cache.snapshot import Snapshot
from tickiti_query.replica.connection import Target, connect
from tickiti_query.replica.execution import deadline_from_now

pytestmark = pytest.mark.timeout(600)  # on a slow machine each run takes four times as long

DEBIANS = Path("/usr/lib/postgresql/15/bin")
PATIENCE_SECONDS = 120.0  # for a wrong proof to be caught; it takes about one


@pytest.fixture(scope="module")
def stressed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with Pair.create(tmp_path_factory.mktemp("stressed"), settings=SETTINGS) as pair:
        yield pair


def trust_text(state: Snapshot) -> str:
    """The snapshot as text with the server's identity: on a standby it leaves out who is running."""
    return state.snapshot_id.position


def test_a_connection_is_prepared_again_after_a_preparation_that_ended_half_way(stressed: Pair) -> None:
    target = Target(stressed.standby.url_for("postgres"), "public", statement_timeout_ms=2000)
    with contextlib.closing(connect(target.list_hosts(), deadline_from_now(30))) as connection:
        connection.identify(generation=1)
        before = connection.read_state(with_lag=True)
        connection.prepared.by_text.clear()  # the server has prepared what the connection knows nothing of
        assert before.validator
        assert connection.read_state(with_lag=True).validator


def test_no_proved_answer_differs_from_the_rows(stressed: Pair) -> None:
    report = Stress(seconds=15, least_hits=3000, crash_seconds=4).run(stressed)
    assert report.wrong == 0, report.examples
    assert report.hits >= 3000
    assert report.among_running > 1000
    assert report.misses > 200
    assert report.crashes >= 2


def test_the_stress_catches_the_plain_text_of_the_snapshot(stressed: Pair) -> None:
    assert Stress(seconds=PATIENCE_SECONDS, validate=trust_text, until_wrong=True).run(stressed).wrong


def test_the_stress_catches_a_validator_read_after_the_data(stressed: Pair) -> None:
    assert Stress(seconds=PATIENCE_SECONDS, validator_first=False, until_wrong=True).run(stressed).wrong


def test_a_primary_is_proved_as_well(stressed: Pair) -> None:
    report = Stress(seconds=4, least_hits=1000, on_primary=True).run(stressed)
    assert report.wrong == 0, report.examples
    assert report.hits >= 1000


@pytest.mark.skipif(not DEBIANS.is_dir(), reason="PostgreSQL 15 is not installed")
def test_an_older_server_is_proved_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BINDIR_VARIABLE, str(DEBIANS))
    with Pair.create(tmp_path, settings=SETTINGS) as pair:
        assert pair.standby.execute("SHOW server_version_num")[0][0].startswith("15")
        report = Stress(seconds=8, least_hits=1500, crash_seconds=3).run(pair)
        assert report.wrong == 0, report.examples
        assert report.hits >= 1500
        assert report.among_running > 500
        assert Stress(seconds=PATIENCE_SECONDS, validate=trust_text, until_wrong=True).run(pair).wrong
