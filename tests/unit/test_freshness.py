"""Which servers are fit to answer: a standby where one is required, near enough, and never back in time."""

from dataclasses import replace

import pytest

from tickiti_query.errors import ReplicaUnavailable
from tickiti_query.freshness import Freshness
from tickiti_query.server_state import Server, ServerState

SERVER = Server(generation=1, system=77, major=18)
STATE = ServerState(SERVER, "10:20: since true", "", in_recovery=True, replayed_at=None, lag_seconds=0.0)


class World:
    """A server that says what a test tells it to, and a clock that stands still."""

    def __init__(self, *, exact: bool = True, require_standby: bool = True) -> None:
        self.state = STATE
        self.now = 1000.0
        self.readings = 0
        self.freshness = Freshness(
            self.observe,
            exact=exact,
            require_standby=require_standby,
            max_lag_seconds=60,
            clock=lambda: self.now,
        )

    def observe(self) -> ServerState:
        self.readings += 1
        return self.state

    def prove(self, **changes: object) -> ServerState:
        self.state = replace(self.state, **changes)  # type: ignore[arg-type]
        return self.freshness.prove()

    def refuse(self, check: str, **changes: object) -> None:
        with pytest.raises(ReplicaUnavailable) as refused:
            self.prove(**changes)
        assert refused.value.check == check


@pytest.fixture(name="w")
def make_world() -> World:
    return World()


def test_a_standby_that_is_near_is_fit(w: World) -> None:
    assert w.prove() is w.state


def test_a_promoted_server_is_refused_where_a_standby_is_required(w: World) -> None:
    w.refuse("standby", in_recovery=False)
    assert World(require_standby=False).prove(in_recovery=False)


@pytest.mark.parametrize(
    ("lag", "fit"), [(0.0, True), (60.0, True), (60.001, False), (1e9, False), (None, False)]
)
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
    w.prove(stamp="10:30: since true")
    w.refuse("lag", stamp="10:29: later true")
    assert w.prove(stamp="10:30: later true")
    assert w.prove(stamp="10:31: later true")
    w.refuse("lag", stamp="10:30: later true", server=replace(SERVER, generation=2))
    assert w.prove(stamp="1:2: since true", server=replace(SERVER, system=78))


def test_a_refused_state_does_not_count_as_an_answer(w: World) -> None:
    w.prove(stamp="10:20: since true")
    w.refuse("lag", stamp="10:90: since true", lag_seconds=None, server=replace(SERVER, generation=2))
    assert w.prove(stamp="10:20: since true", lag_seconds=0.0)


def test_every_proof_is_a_reading_in_exact_mode_and_one_a_second_in_ttl_mode() -> None:
    exact, ttl = World(), World(exact=False)
    for world in (exact, ttl):
        for _ in range(5):
            world.prove()
            world.now += 0.25
        world.prove()
    assert (exact.readings, ttl.readings) == (6, 2)
