"""PgBouncer between the service and its standbys: they restart, crash and change behind it, and it goes itself."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.environment import Environment, bring_back, is_there
from tests.faults.fault import Scene, wait_until
from tests.support.pooler import PGBOUNCER, Pooler

pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="no pgbouncer: no fault was tried behind a pooler")


class Arrangement:
    """A service behind a pooler, and the pooler."""

    def __init__(self, scene: Scene, pooler: Pooler) -> None:
        self.scene = scene
        self.pooler = pooler


@pytest.fixture(scope="module")
def pooled(
    environment: Environment, tell: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Arrangement]:
    directory: Path = tmp_path_factory.mktemp("pooled")
    with (
        Pooler(directory / "pooler", environment.standby, sessions=4) as pooler,
        environment.serve(
            pooler.url,
            directory / "log",
            tell,
            environment.observer,
            environment.second_observer,
            TICKITI_POOLER="transaction",
        ) as scene,
    ):
        yield Arrangement(scene, pooler)


def test_the_pooler_leads_to_another_standby_again_and_again(environment: Environment, pooled: Arrangement) -> None:
    """Clients stay connected, and feel nothing of it."""
    with pooled.scene.fault("pooler leads elsewhere") as fault:
        for standby in (environment.second, environment.standby) * 3:
            pooled.pooler.lead_to(standby)
            fault.wait_for_more(60)
    assert fault.statuses()[200] > 100


def test_the_standby_restarts_behind_the_pooler(environment: Environment, pooled: Arrangement) -> None:
    with pooled.scene.fault("standby restarted behind the pooler") as fault:
        environment.standby.stop(signal.SIGINT)
        fault.wait_for(503, times=2)
        bring_back(environment.standby)


def test_a_session_crashes_behind_the_pooler(environment: Environment, pooled: Arrangement) -> None:
    with pooled.scene.fault("a session killed -9 behind the pooler"):
        os.kill(environment.list_sessions()[0], signal.SIGKILL)
        wait_until(lambda: is_there(environment.standby), "the standby recovers")
