"""The service's own processes end: one worker by force, all of them in turn, the whole service."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.loading import READER
from tests.faults.environment import Environment
from tests.faults.fault import LONGEST_WAIT_SECONDS, Scene, wait_until
from tests.faults.traffic import CLIENTS


@pytest.fixture
def own_scene(environment: Environment, tell: Callable[[str], None], tmp_path: Path) -> Iterator[Scene]:
    """A service that a test may end."""
    with environment.serve(environment.standby.url_for(READER), tmp_path / "log", tell, environment.observer) as served:
        yield served


def test_a_worker_is_killed(scene: Scene) -> None:
    """Only the requests of that worker end without an answer, and another worker takes its place."""
    killed = [float("inf")]
    with scene.fault("worker killed -9", may_be_lost=lambda s: s.began <= killed[0] <= s.ended) as fault:
        before = set(scene.running.list_workers())
        os.kill(min(before), signal.SIGKILL)
        killed[0] = time.monotonic()
        wait_until(lambda: bool(set(scene.running.list_workers()) - before), "another has come")
        fault.wait_for(200, 401)


def test_workers_are_renewed_by_sighup(environment: Environment, scene: Scene) -> None:
    with environment.slow(0.2), scene.fault("SIGHUP: all workers renewed") as fault:
        before = scene.running.list_workers()
        scene.running.process.send_signal(signal.SIGHUP)
        wait_until(lambda: not set(before) & set(scene.running.list_workers()), "the old workers have ended")
        fault.wait_for(200, 401, times=1)
    assert set(fault.statuses()) == {200, 401}


def test_a_second_instance_takes_over(environment: Environment, own_scene: Scene) -> None:
    running = own_scene.running
    with environment.slow(0.2), own_scene.fault("second instance, SIGTERM to the first") as fault:
        before = running.list_workers()
        running.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: running.read_log().count("Booting worker") >= 4, "the second instance is there")
        fault.wait_for_more(2 * CLIENTS)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(LONGEST_WAIT_SECONDS) == 0
        assert before
        fault.wait_for(200, 401, times=1)
    assert set(fault.statuses()) == {200, 401}


def test_the_service_is_stopped_in_the_middle(environment: Environment, own_scene: Scene) -> None:
    """All that had come before the signal is answered. What comes later finds nobody."""
    running = own_scene.running
    stopped = [float("inf")]
    with (
        environment.slow(0.5),
        own_scene.fault("SIGTERM", may_be_lost=lambda s: s.ended > stopped[0], recovers=False) as fault,
    ):
        a_while_ago = "wait_event = 'PgSleep' AND query_start < clock_timestamp() - interval '0.1 s'"
        wait_until(lambda: bool(environment.list_sessions(a_while_ago)), "a request is in flight")
        stopped[0] = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(LONGEST_WAIT_SECONDS) == 0
    # A connection that was still being made may be refused.
    in_flight = [sample for sample in fault.across(stopped[0]) if sample.sent and sample.sent < stopped[0]]
    assert in_flight
    assert all(sample.is_well for sample in in_flight)
