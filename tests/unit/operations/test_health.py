"""A check that nobody asked for: made at once, and again, unless a probe has just made one."""

from collections.abc import Callable
from typing import Any

import pytest

from tickiti_query.model.errors import ReplicaUnavailable
from tickiti_query.operations import health
from tickiti_query.operations.health import Readiness

UNASKED_SECONDS = 20.0


class EndedError(Exception):
    """The end of a clock's time."""


class Clock:
    """The time of readiness: it passes where somebody sleeps, and then something may happen, until it ends."""

    def __init__(self, *events: Callable[[], None]) -> None:
        self._now = 1000.0
        self._events = list(events)
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        if not self._events:
            raise EndedError
        self.slept.append(seconds)
        self._now += seconds
        self._events.pop(0)()

    def pass_by(self, seconds: float) -> None:
        self._now += seconds


class Checked:
    """Readiness over a replica that is fit or not, and what it told."""

    def __init__(self) -> None:
        self.is_fit = True
        self.told: list[str] = []
        self.readiness = Readiness(self.prove, lambda _work: ([], [], []), self.tell)

    def prove(self) -> None:
        if not self.is_fit:
            raise ReplicaUnavailable

    def tell(self, checks: Any) -> None:
        self.told.append(checks["replica"])
        if len(self.told) == 2:
            raise RuntimeError("what nobody foresaw")

    def set_fit(self, is_fit: bool) -> Callable[[], None]:
        return lambda: setattr(self, "is_fit", is_fit)

    def keep_checking(self, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
        """Check until the clock's time ends."""
        monkeypatch.setattr(health, "time", clock)
        with pytest.raises(EndedError):
            self.readiness.keep_checking(UNASKED_SECONDS)


@pytest.fixture
def checked() -> Checked:
    return Checked()


def test_where_nobody_asks_it_is_told_again_and_again(checked: Checked, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second telling fails in a way that nobody foresaw."""
    events = [checked.set_fit(True), checked.set_fit(True), checked.set_fit(False), checked.set_fit(True)]
    clock = Clock(*events)
    checked.keep_checking(monkeypatch, clock)
    assert [word == "ok" for word in checked.told] == [True, True, True, False, True]
    assert clock.slept == [UNASKED_SECONDS] * 4


def test_where_somebody_asks_it_is_not_asked_again(checked: Checked, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(health, "time", clock)
    checked.readiness.check()
    clock.pass_by(UNASKED_SECONDS - 1)
    checked.keep_checking(monkeypatch, clock)
    assert checked.told == ["ok"]


def test_a_probe_puts_the_next_check_off(checked: Checked, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(lambda: None)
    monkeypatch.setattr(health, "time", clock)
    checked.readiness.check()
    clock.pass_by(UNASKED_SECONDS - 1)
    checked.keep_checking(monkeypatch, clock)
    assert (len(checked.told), clock.slept) == (2, [1.0])
