"""Which servers are fit to answer: a standby where one is required, near enough, and never back in time."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.snapshots import alter
from tickiti_query.cache.freshness import Freshness
from tickiti_query.cache.snapshot import Server, Snapshot, SnapshotId, is_older
from tickiti_query.model.errors import ReplicaUnavailable
from tickiti_query.model.request import Deadline

DEADLINE = Deadline(float("inf"), lambda: 0.0)
SERVER = Server(generation=1, system=77, major=18)
STATE = Snapshot(SnapshotId(SERVER, "10:20: since t", ""), lag_seconds=0.0)


class World:
    """A server that says what a test tells it to, and a clock that stands still."""

    def __init__(
        self, *, exact: bool = True, require_standby: bool = True, max_commit_age_seconds: int | None = None
    ) -> None:
        self.state = STATE
        self.now = 1000.0
        self.received_at: float | None = None
        self.readings = 0
        self.lag_readings = 0
        self.meanwhile: Callable[[], None] = lambda: None
        self.freshness = Freshness(
            observe=self.observe,
            is_exact=exact,
            require_standby=require_standby,
            max_lag_seconds=60,
            max_commit_age_seconds=max_commit_age_seconds,
            clock=lambda: self.now,
        )

    def observe(self, deadline: Deadline, *, with_lag: bool) -> Snapshot:
        self.readings += 1
        self.lag_readings += with_lag
        self.meanwhile()
        return self.state if with_lag else replace(self.state, lag_seconds=None, commit_age_seconds=None)

    def prove(self, **changes: object) -> Snapshot:
        self.state = alter(self.state, **changes)
        return self.freshness.read_snapshot(self.now if self.received_at is None else self.received_at, DEADLINE)

    def refuse(self, check: str, **changes: object) -> None:
        with pytest.raises(ReplicaUnavailable) as refused:
            self.prove(**changes)
        assert refused.value.check == check


@pytest.fixture(name="w")
def make_world() -> World:
    return World()


def test_a_standby_that_is_near_is_fit(w: World) -> None:
    assert w.prove() is w.state


def test_the_lag_is_asked_for_twice_a_second_and_grows_in_between(w: World) -> None:
    for _ in range(20):
        assert w.prove(lag_seconds=59.5)
        w.now += 0.1
    assert (w.readings, w.lag_readings) == (20, 4)


def test_a_bound_that_has_grown_too_large_is_asked_for_again(w: World) -> None:
    assert w.prove(lag_seconds=59.9)
    w.now += 0.2
    assert w.prove(lag_seconds=59.9)
    assert w.lag_readings == 2


def test_another_server_tells_its_lag_at_once(w: World) -> None:
    assert w.prove()
    w.refuse("lag", lag_seconds=100.0, server=replace(SERVER, generation=2))


def test_a_promoted_server_is_refused_where_a_standby_is_required(w: World) -> None:
    w.refuse("standby", position="10:20: since f")
    assert World(require_standby=False).prove(position="10:20: since f")


def test_data_of_a_promoted_server_is_refused_though_the_state_was_of_a_standby(w: World) -> None:
    state = w.prove()
    w.freshness.accept(SnapshotId(SERVER, "10:20: since t", ""), state, DEADLINE)
    with pytest.raises(ReplicaUnavailable) as refused:
        w.freshness.accept(SnapshotId(SERVER, "10:20: since f", ""), state, DEADLINE)
    assert refused.value.check == "standby"


@pytest.mark.parametrize(("lag", "fit"), [(0.0, True), (60.0, True), (60.001, False), (1e9, False), (None, False)])
def test_a_server_is_fit_up_to_the_bound(lag: float | None, fit: bool) -> None:
    world = World()
    if fit:
        assert world.prove(lag_seconds=lag)
    else:
        world.refuse("lag", lag_seconds=lag)


def test_an_earlier_bound_grows_no_faster_than_time(w: World) -> None:
    w.prove(lag_seconds=10.0)
    w.now += 50
    assert w.prove(lag_seconds=None)
    assert w.prove(lag_seconds=86_400.0)
    w.now += 0.5
    w.refuse("lag", lag_seconds=None)
    w.now += 100
    w.refuse("lag", lag_seconds=None)
    assert w.prove(lag_seconds=1.0)


def test_the_bound_of_one_server_says_nothing_of_another(w: World) -> None:
    w.prove(lag_seconds=0.0)
    w.refuse("lag", lag_seconds=None, server=replace(SERVER, generation=2))


def test_a_server_behind_an_earlier_answer_is_refused_until_it_is_there_again(w: World) -> None:
    w.prove(position="10:30: since t")
    w.refuse("lag", position="10:29: later t")
    assert w.prove(position="10:30: later t")
    assert w.prove(position="10:31: later t")
    w.refuse("lag", position="10:30: later t", server=replace(SERVER, generation=2))
    assert w.prove(position="1:2: since t", server=replace(SERVER, system=78))


def test_a_state_that_is_overtaken_while_it_is_read_is_read_anew(w: World) -> None:
    later = alter(STATE, position="10:21: since t")

    def overtake() -> None:
        w.freshness.accept(later.snapshot_id, STATE, DEADLINE)
        w.meanwhile = catch_up

    def catch_up() -> None:
        w.state = later

    w.meanwhile = overtake
    assert (w.prove().snapshot_id, w.readings) == (later.snapshot_id, 2)
    w.meanwhile = lambda: None
    w.refuse("lag", position=STATE.snapshot_id.position)


def test_where_nothing_is_proved_a_state_may_be_overtaken_and_the_next_may_not() -> None:
    w = World(exact=False)
    w.meanwhile = lambda: w.freshness.accept(SnapshotId(SERVER, "10:21: since t", ""), STATE, DEADLINE)
    assert w.prove() is w.state
    w.meanwhile = lambda: None
    w.now += 2
    w.refuse("lag")


def test_a_refused_state_does_not_count_as_an_answer(w: World) -> None:
    w.prove(position="10:20: since t")
    w.refuse("lag", position="10:90: since t", lag_seconds=None, server=replace(SERVER, generation=2))
    assert w.prove(position="10:20: since t", lag_seconds=0.0)


def test_every_proof_is_a_reading_in_exact_mode_and_one_a_second_in_ttl_mode() -> None:
    exact, ttl = World(), World(exact=False)
    for world in (exact, ttl):
        for _ in range(5):
            world.prove()
            world.now += 0.25
        world.prove()
    assert (exact.readings, ttl.readings) == (6, 2)


def test_a_reading_that_a_later_answer_has_overtaken_is_made_anew(w: World) -> None:
    """It began after the request had come, and would prove its answer; but somebody has been told of more since."""
    w.received_at = w.now - 1
    state = w.prove(position="10:20: t", running="10")
    assert w.prove() is state
    assert w.readings == 1
    w.state = alter(w.state, running="")
    w.freshness.accept(w.state.snapshot_id, state, DEADLINE)
    assert w.prove().snapshot_id == w.state.snapshot_id
    assert w.prove().snapshot_id == w.state.snapshot_id
    assert w.readings == 2


def test_a_probe_reads_anew_though_a_request_of_its_thread_was_refused(w: World) -> None:
    w.received_at = w.now - 1
    with pytest.raises(ReplicaUnavailable):
        w.prove(lag_seconds=None)
    w.received_at = None
    w.state = replace(w.state, lag_seconds=0.0)
    assert w.prove() is w.state


@pytest.mark.parametrize(
    ("snapshot_id", "other", "is_it"),
    [
        (SnapshotId(SERVER, "10:20: t", ""), SnapshotId(SERVER, "10:21: t", ""), True),
        (SnapshotId(SERVER, "10:21: t", ""), SnapshotId(SERVER, "10:20: t", ""), False),
        (SnapshotId(SERVER, "10:20: t", "10"), SnapshotId(SERVER, "10:20: t", ""), True),
        (SnapshotId(SERVER, "10:20: t", ""), SnapshotId(SERVER, "10:20: t", "10"), False),
        (SnapshotId(SERVER, "10:20: t", "10"), SnapshotId(SERVER, "10:20: t", "10"), False),
        (SnapshotId(SERVER, "10:20: t", None), SnapshotId(SERVER, "10:20: t", "10"), False),
        (SnapshotId(SERVER, "10:20: t", None), SnapshotId(SERVER, "10:21: t", None), True),
    ],
)
def test_of_two_sights_of_one_life_one_is_older(snapshot_id: SnapshotId, other: SnapshotId, is_it: bool) -> None:
    assert is_older(snapshot_id, other) == is_it


def test_a_standby_that_has_replayed_no_commit_for_too_long_is_refused_where_that_is_asked_for() -> None:
    lenient, strict = World(), World(max_commit_age_seconds=120)
    for age in (None, 121.0):
        assert lenient.prove(commit_age_seconds=age)
        for _ in range(2):  # at every reading, and not only where the lag is due
            strict.refuse("lag", commit_age_seconds=age)
    assert strict.prove(commit_age_seconds=119.0)
