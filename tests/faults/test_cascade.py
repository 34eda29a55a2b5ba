"""A standby behind another standby, which loses the primary: it goes on as it was, and reports no lag."""

import contextlib
from collections.abc import Callable
from pathlib import Path

from demo.loading import READER
from tests.faults.environment import Environment
from tests.faults.wire import Wire


def test_a_standby_between_loses_the_primary(
    environment: Environment, tell: Callable[[str], None], tmp_path: Path
) -> None:
    """Commits go on without pause, and so nothing but a lost primary lets the newest become this old."""
    with (
        contextlib.closing(Wire(environment.primary.port)) as wire,
        environment.another_standby("between", wire.port) as (between, _),
        environment.another_standby("last", between.port) as (last, observer),
        environment.serve(
            f"postgresql://{READER}@127.0.0.1:{last.port}/postgres",
            tmp_path / "log",
            tell,
            observer,
            TICKITI_MAX_COMMIT_AGE_SECONDS="10",
        ) as scene,
        scene.fault("standby between loses the primary") as fault,
    ):
        wire.cut()
        fault.wait_for(503)
        assert scene.ready() == (503, {"lag": "The read replica has replayed no commit for too long."})
        assert last.execute("SELECT status FROM pg_stat_wal_receiver") == [("streaming",)]
        wire.mend()
