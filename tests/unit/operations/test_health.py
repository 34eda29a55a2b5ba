"""A check that nobody asked for: made at once, and again, unless a probe has just made one."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tickiti_query.model.errors import ReplicaUnavailable
from tickiti_query.operations.health import Readiness


class Checked:
    """Readiness over a replica that is fit or not, and what it told."""

    def __init__(self) -> None:
        self.is_fit = True
        self.told: list[str] = []
        self.readiness = Readiness(self.prove, lambda _work: ([], []), lambda _source: [], self.tell)

    def prove(self) -> None:
        if not self.is_fit:
            raise ReplicaUnavailable

    def tell(self, checks: Any) -> None:
        self.told.append(checks["replica"])
        if len(self.told) == 2:
            raise RuntimeError("what nobody foresaw")

    def watch(self, unasked_seconds: float) -> None:
        threading.Thread(target=self.readiness.keep_checking, args=(unasked_seconds,), daemon=True).start()


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def checked() -> Checked:
    return Checked()


def test_where_nobody_asks_it_is_told_again_and_again(checked: Checked) -> None:
    checked.watch(0.02)
    wait_until(lambda: len(checked.told) >= 3)  # the second one failed in a way that nobody foresaw
    checked.is_fit = False
    wait_until(lambda: checked.told[-1] != "ok")
    checked.is_fit = True
    wait_until(lambda: checked.told[-1] == "ok")


def test_where_somebody_asks_it_is_not_asked_again(checked: Checked) -> None:
    checked.readiness.check()
    checked.watch(3600)  # its thread must sleep for as long as the suite runs
    time.sleep(0.1)
    assert checked.told == ["ok"]
