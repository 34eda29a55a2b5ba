"""The worth of a reading of the server: a validator, or none; and which readings are equal."""

from dataclasses import replace

import pytest

from tests.support.snapshots import alter
from tickiti_query.cache.snapshot import PROVEN_MAJORS, Server, Snapshot, SnapshotId

SERVER = Server(generation=1, system=7_000_000_000_000_000_001, major=18)
LIFE = "2026-05-01 09:14:02.123456+00 t"
STATE = Snapshot(SnapshotId(SERVER, f"842:847: {LIFE}", "842,844"), lag_seconds=0.0)


def test_a_validator_names_server_snapshot_and_running_transactions() -> None:
    assert STATE.validator == SnapshotId(SERVER, f"842:847: {LIFE}", "842,844")


@pytest.mark.parametrize(
    ("running", "major", "proves"),
    [
        ("", 18, True),
        ("842,844", 18, True),
        ("", 15, True),
        ("842", 15, True),
        ("", PROVEN_MAJORS.start, True),
        ("", PROVEN_MAJORS.start - 1, False),
        ("", PROVEN_MAJORS.stop - 1, True),
        ("", PROVEN_MAJORS.stop, False),
        ("842,844", PROVEN_MAJORS.stop, False),
        (None, 18, False),
        (None, 15, False),
        (None, PROVEN_MAJORS.stop, False),
    ],
)
def test_where_nothing_can_be_proved_there_is_no_validator(running: str | None, major: int, proves: bool) -> None:
    state = alter(STATE, running=running, server=replace(SERVER, major=major))
    assert (state.validator is not None) is proves


@pytest.mark.parametrize(
    "other",
    [
        alter(STATE, server=replace(SERVER, generation=2)),
        alter(STATE, server=replace(SERVER, system=7_000_000_000_000_000_002)),
        alter(STATE, server=replace(SERVER, major=17)),
        alter(STATE, position=f"842:848: {LIFE}"),
        alter(STATE, position=f"843:847: {LIFE}"),
        alter(STATE, position=f"842:847:842,844 {LIFE}"),
        alter(STATE, position="842:847: 2026-05-01 09:14:02.123457+00 t"),
        alter(STATE, position="842:847: 2026-05-01 09:14:02.123456+00 f"),
        alter(STATE, running="842"),
        alter(STATE, running=""),
        alter(STATE, running="842,844,845"),
    ],
)
def test_another_server_life_snapshot_or_running_set_is_another_validator(other: Snapshot) -> None:
    assert other.validator is not None
    assert other.validator != STATE.validator


def test_lag_and_the_time_of_the_last_commit_are_no_part_of_it() -> None:
    assert alter(STATE, lag_seconds=None).validator == STATE.validator
    assert alter(STATE, lag_seconds=12.5).validator == STATE.validator


@pytest.mark.parametrize(
    ("snapshot", "xmax"),
    [
        ("847:847:", 847),
        ("842:847:", 847),
        ("842:847:842,844,845", 847),
        ("3:8589934600:", 8_589_934_600),  # ids go on past 32 bits
    ],
)
def test_the_end_of_the_snapshot(snapshot: str, xmax: int) -> None:
    assert alter(STATE, position=f"{snapshot} {LIFE}").snapshot_id.xmax == xmax
