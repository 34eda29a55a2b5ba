"""PgBouncer between the service and its standbys: they restart, crash and change behind it, and it goes itself."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.fault import Scene, wait_until
from tests.faults.stage import Stage, bring_back, is_there
from tests.pooler import PGBOUNCER, Pooler

pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="no pgbouncer: no fault was tried behind a pooler")


class Arrangement:
    """A service behind a pooler, and the pooler."""

    def __init__(self, scene: Scene, pooler: Pooler) -> None:
        self.scene = scene
        self.pooler = pooler


@pytest.fixture(scope="module")
def pooled(
    stage: Stage, tell: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Arrangement]:
    directory: Path = tmp_path_factory.mktemp("pooled")
    with (
        Pooler(directory / "pooler", stage.standby, sessions=4) as pooler,
        stage.serve(
            pooler.url,
            directory / "log",
            tell,
            stage.observer,
            stage.second_observer,
            TICKITI_POOLER="transaction",
        ) as scene,
    ):
        yield Arrangement(scene, pooler)


def test_the_pooler_leads_to_another_standby_again_and_again(stage: Stage, pooled: Arrangement) -> None:
    """Clients stay connected, and feel nothing of it."""
    with pooled.scene.fault("pooler leads elsewhere") as fault:
        for standby in (stage.second, stage.standby) * 3:
            pooled.pooler.lead_to(standby)
            fault.wait_for_more(60)
    assert fault.statuses()[200] > 100


def test_the_standby_restarts_behind_the_pooler(stage: Stage, pooled: Arrangement) -> None:
    with pooled.scene.fault("standby restarted behind the pooler") as fault:
        stage.standby.stop(signal.SIGINT)
        fault.wait_for(503, times=2)
        bring_back(stage.standby)


def test_a_session_crashes_behind_the_pooler(stage: Stage, pooled: Arrangement) -> None:
    with pooled.scene.fault("a session killed -9 behind the pooler"):
        os.kill(stage.list_sessions()[0], signal.SIGKILL)
        wait_until(lambda: is_there(stage.standby), 20, "the standby recovers")
