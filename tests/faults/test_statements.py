"""Readings collide with replay, take too long, wait for locks, or find another schema than there was."""

import contextlib
import time

from demo.loading import READER, create_reader
from tests.faults.environment import Environment, frozen
from tests.faults.fault import LONGEST_WAIT_SECONDS, Scene, wait_until
from tests.faults.truth import SLOW_QUESTION, make_numbered


def test_a_reading_that_collides_with_replay_is_done_again(environment: Environment, scene: Scene) -> None:
    with (
        environment.slow(0.3),
        environment.impatient(),
        environment.writer.paused(),
        scene.fault("one recovery conflict") as fault,
    ):
        before = environment.count_conflicts()
        environment.commit_scratch()
        environment.wait_sleeping()
        environment.collide()
        wait_until(lambda: environment.count_conflicts() > before, "a reading has been ended")
        fault.wait_for(200)
        fault.wait_for(401, times=1)
    assert set(fault.statuses()) == {200, 401}


def test_a_reading_that_collides_twice_is_a_503(environment: Environment, scene: Scene) -> None:
    with (
        environment.slow(0.3),
        environment.impatient(),
        scene.fault("recovery conflicts without end") as fault,
    ):
        end = time.monotonic() + LONGEST_WAIT_SECONDS
        while min(fault.statuses()[503], fault.statuses()[200]) < 4 and time.monotonic() < end:
            environment.commit_scratch()
            environment.collide()
    assert min(fault.statuses()[503], fault.statuses()[200]) >= 4


def test_a_conflict_that_kills_the_connection_is_done_again(environment: Environment, scene: Scene) -> None:
    """A session that is idle in its transaction is ended as a whole; its worker learns of it when it goes on."""
    with (
        environment.slow(0.3),
        environment.impatient(),
        environment.writer.paused(),
        scene.fault("connection killed") as fault,
    ):
        wait_until(lambda: end_idle_session(environment, scene), "a session is idle in its transaction")
        fault.wait_for(200)
        fault.wait_for(401, times=1)
    assert set(fault.statuses()) == {200, 401}


def end_idle_session(environment: Environment, scene: Scene) -> bool:
    """Let replay end the sessions of frozen workers; False where no reading was under way when they were frozen."""
    idle = "state = 'idle in transaction'"
    environment.commit_scratch()
    environment.wait_sleeping()
    with frozen(*scene.running.list_workers()):
        wait_until(lambda: not environment.list_sessions("state = 'active'"), "the statements under way have ended")
        if not environment.list_sessions(idle):
            return False
        environment.collide()
        wait_until(lambda: not environment.list_sessions(idle), "the sessions have been ended")
    return True


def test_a_statement_past_its_limit_is_a_504(environment: Environment, scene: Scene) -> None:
    with scene.fault("statement timeout") as fault, environment.slow(10):
        fault.wait_for(504, 200)
        fault.wait_for(401, times=1)
    assert {sample.status for sample in fault.during() if sample.question is not SLOW_QUESTION} == {200, 401}


def test_a_lock_that_is_replayed_is_a_504(environment: Environment, scene: Scene) -> None:
    with (
        scene.fault("exclusive lock") as fault,
        contextlib.closing(environment.primary.connect()) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("BEGIN; LOCK TABLE reporting.tickets IN ACCESS EXCLUSIVE MODE; SELECT pg_switch_wal()")
        environment.commit_scratch()  # what is cached is proved without a look at the table
        fault.wait_for(504, times=4)
        cursor.execute("ROLLBACK; SELECT pg_switch_wal()")


def test_a_column_is_dropped_and_comes_back(environment: Environment, scene: Scene) -> None:
    with scene.fault("column dropped") as fault:
        environment.write("ALTER TABLE reporting.tickets DROP COLUMN subject")
        fault.wait_for(503, 401)
        assert scene.ready() == (503, {"contract": "Not there, or not readable: tickets.subject."})
        # It is filled under another name: a snapshot from before the commit would see a new column's default.
        environment.write("ALTER TABLE reporting.tickets ADD COLUMN refilled text NOT NULL DEFAULT ''")
        for ticket in make_numbered(environment.writer.newest(time.monotonic()))["tickets"]:
            values = (ticket["subject"], ticket["id"])
            environment.write("UPDATE reporting.tickets SET refilled = %s WHERE id = %s", values)
        environment.wait_replayed()
        environment.wait_read()
        environment.write("ALTER TABLE reporting.tickets RENAME COLUMN refilled TO subject")
    assert fault.statuses()[500] == 0


def test_the_role_is_dropped_and_made_anew(environment: Environment, scene: Scene) -> None:
    """Open sessions keep the role that is no more; only new ones find the one that has its name."""
    with scene.fault("role dropped") as fault:
        environment.write(f"DROP OWNED BY {READER}; DROP ROLE {READER}")
        fault.wait_for(503)
        with contextlib.closing(environment.primary.connect()) as connection:
            create_reader(connection)
    assert fault.statuses()[500] == 0
