"""The network between the service and its standbys: cut without a word, a second host of the URL, a promotion."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.loading import READER
from tests.faults.environment import Environment
from tests.faults.fault import Scene
from tests.faults.wire import Wire


class Route:
    """The service over a URL with two hosts, and the line to each: the standby first, then the second."""

    def __init__(self, scene: Scene, first: Wire, second: Wire) -> None:
        self.scene = scene
        self.first = first
        self.second = second


@pytest.fixture(scope="module")
def route(
    environment: Environment, tell: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Route]:
    log = tmp_path_factory.mktemp("route") / "log"
    with (
        contextlib.closing(Wire(environment.standby.port)) as first,
        contextlib.closing(Wire(environment.second.port)) as second,
    ):
        url = f"postgresql://{READER}@127.0.0.1:{first.port},127.0.0.1:{second.port}/postgres"
        with environment.serve(url, log, tell, environment.observer, environment.second_observer) as scene:
            yield Route(scene, first, second)


def test_a_network_that_swallows_everything(route: Route) -> None:
    with route.scene.fault("black hole, no other host") as fault:
        route.first.cut()
        route.second.cut()
        fault.wait_for(503, times=2)
        assert route.scene.ready()[0] == 503
        assert route.scene.running.get("/livez", port=route.scene.running.admin_port)[0] == 200
        route.first.mend()
        route.second.mend()


def test_a_black_hole_to_the_first_host(route: Route) -> None:
    with route.scene.fault("black hole to the first of two hosts") as fault:
        route.first.cut()
        fault.wait_for(200, 401, times=40)
        route.first.mend()


def test_the_first_host_is_stopped_and_comes_back(environment: Environment, route: Route) -> None:
    """The connections that are open stay with the second host, and those that are opened later follow them."""
    with route.scene.fault("first of two hosts down") as fault:
        route.first.lead_to(1)
        fault.wait_for(200, 401)
    with (
        route.scene.fault("first of two hosts up again, more connections needed") as fault,
        environment.slow(0.2),
    ):
        route.first.lead_to(environment.standby.port)
        fault.wait_for(200, times=40)
        fault.wait_for(401, times=1)
    assert set(fault.statuses()) == {200, 401}


def test_a_balancer_before_two_standbys(environment: Environment, tell: Callable[[str], None], tmp_path: Path) -> None:
    """A connection that leads elsewhere than the first of its pool is refused, and so is the request that needed it."""
    with (
        contextlib.closing(Wire(environment.standby.port)) as wire,
        environment.serve(
            f"postgresql://{READER}@127.0.0.1:{wire.port}/postgres",
            tmp_path / "log",
            tell,
            environment.observer,
            environment.second_observer,
        ) as scene,
        scene.fault("balancer, connections needed anew") as fault,
    ):
        for _ in range(10):
            wire.lead_to(environment.standby.port, environment.second.port)
            fault.wait_for_more(20)
        wire.lead_to(environment.standby.port)
    assert fault.statuses().keys() == {200, 401, 503}


def test_a_promoted_standby_is_refused_until_there_is_another(
    environment: Environment, tell: Callable[[str], None], tmp_path: Path
) -> None:
    with (
        environment.another_standby("third") as (third, observer),
        contextlib.closing(Wire(third.port)) as wire,
        environment.serve(
            f"postgresql://{READER}@127.0.0.1:{wire.port}/postgres",
            tmp_path / "log",
            tell,
            environment.observer,
            observer,
        ) as scene,
    ):
        with scene.fault("standby promoted") as fault:
            third.execute("SELECT pg_promote(true, 60)")
            promoted = time.monotonic()
            fault.wait_for(503)
            assert scene.ready() == (503, {"standby": "No read replica answers; please try again."})
            wire.lead_to(environment.standby.port)
        # What a server shows that has parted from the primary is no answer.
        shown = [sample for sample in fault.during() if sample.status == 200 and sample.began > promoted]
        assert not shown
