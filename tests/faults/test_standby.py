"""The standby stops, crashes, hangs, falls behind, or has no room."""

import contextlib
import os
import signal
import time

import psycopg2

from demo.binaries import DemoError
from demo.loading import READER
from demo.postgres import PostgresServer
from tests.faults.environment import LAG_SECONDS, Environment, bring_back, frozen, is_there
from tests.faults.fault import MACHINE_SECONDS, Scene, wait_until
from tests.faults.traffic import CLIENTS
from tests.support.servers import pause_replay, resume_replay

TERMINATE = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{READER}'"


def test_the_standby_is_stopped_and_started_again(environment: Environment, scene: Scene) -> None:
    with scene.fault("standby stopped (fast)") as fault:
        environment.standby.stop(signal.SIGINT)
        fault.wait_for(503)
        assert scene.ready()[0] == 503
        bring_back(environment.standby)


def test_the_standby_is_restarted(environment: Environment, scene: Scene) -> None:
    with scene.fault("standby restarted"):
        environment.standby.stop(signal.SIGINT)
        bring_back(environment.standby)


def test_the_standby_is_killed(environment: Environment, scene: Scene) -> None:
    with scene.fault("standby killed -9") as fault:
        environment.standby.stop(signal.SIGKILL)
        fault.wait_for(503)
        wait_until(lambda: is_startable(environment.standby), "the killed server's children end")


def is_startable(standby: PostgresServer) -> bool:
    """The children of a postmaster that was killed may still hold its memory: the next one ends at once then."""
    try:
        bring_back(standby)
    except DemoError:
        return False
    return True


def test_a_session_crashes_and_the_standby_recovers(environment: Environment, scene: Scene) -> None:
    with scene.fault("a session of the standby killed -9"):
        os.kill(environment.list_sessions()[0], signal.SIGKILL)
        wait_until(lambda: is_there(environment.standby), "the standby recovers")


def test_all_connections_are_terminated_again_and_again(environment: Environment, scene: Scene) -> None:
    with scene.fault("all connections terminated") as fault:
        for _ in range(10):
            environment.standby.execute(TERMINATE)
            fault.wait_for_more(3 * CLIENTS)
    assert fault.statuses()[200] > 0


def test_the_sessions_of_the_standby_are_frozen(environment: Environment, scene: Scene) -> None:
    with scene.fault("sessions frozen") as fault, frozen(*environment.list_sessions()):
        # Nobody is told that they do not run: the service's own limit ends the wait, and new sessions answer.
        fault.wait_to_last(4)


def test_the_whole_standby_is_frozen(environment: Environment, scene: Scene) -> None:
    with (
        scene.fault("standby frozen") as fault,
        frozen(*environment.list_sessions(), environment.standby.pid),
    ):
        fault.wait_for(503, times=4)


def test_replay_is_paused_until_the_lag_is_past_its_bound(environment: Environment, scene: Scene) -> None:
    with scene.fault("replay paused, lag past the bound") as fault:
        pause_replay(environment.pair)
        paused = time.monotonic()
        try:
            fault.wait_for(503)
            # Each worker has a bound of its own: the other one's may be a commit's time behind.
            late = {"lag": "The read replica is too far behind; please try again."}
            wait_until(lambda: scene.ready() == (503, late), "the readiness check that fails")
        finally:
            resume_replay(environment.pair)
    first = min(sample.ended for sample in fault.during() if sample.status == 503)
    assert LAG_SECONDS - 0.5 <= first - paused <= LAG_SECONDS + 1 + MACHINE_SECONDS


def test_the_server_is_out_of_connections(environment: Environment, scene: Scene) -> None:
    with (
        contextlib.closing(environment.standby.connect()) as admin,
        admin.cursor() as cursor,
        contextlib.ExitStack() as held,
        scene.fault("out of connections") as fault,
    ):

        def is_full() -> bool:
            """Return whether others have all connections, once those of the service have been ended."""
            cursor.execute(TERMINATE)
            with contextlib.suppress(psycopg2.OperationalError):
                while True:
                    held.callback(environment.standby.connect().close)
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = %s", (READER,))
            return bool(cursor.fetchone() == (0,))

        wait_until(is_full, "all connections are somebody else's")
        fault.wait_for(503)
        held.close()
