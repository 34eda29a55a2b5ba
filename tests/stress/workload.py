"""The transactions on the primary while proofs are checked: every way of finishing one, in any order."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from demo.postgres import PostgresServer

READER = "stress_reader"  # may log in and read the two tables, no more
ROWS_A_WRITER = 8
PACES = (0.0, 0.5, 1.0, 2.0)  # in a hurry, or with time for proofs to hold
SET_UP = f"""
DROP TABLE IF EXISTS stress_rows, stress_side;
CREATE TABLE stress_rows (id bigint PRIMARY KEY, value bigint NOT NULL) WITH (fillfactor = 40);
CREATE TABLE stress_side (value bigint NOT NULL);
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{READER}') THEN CREATE ROLE {READER} LOGIN; END IF;
END $$;
GRANT SELECT ON stress_rows, stress_side TO {READER};
"""
# Two-phase commits need slots on both servers; a conflict with replay is over soon, whoever has to give way.
SETTINGS = {"max_prepared_transactions": "40", "max_standby_streaming_delay": "200ms"}
SUBTRANSACTIONS = """
DO $$ BEGIN
    FOR i IN 1..{count} LOOP
        BEGIN
            UPDATE stress_rows SET value = {value} + i WHERE id = {id};
            IF i % 5 = 0 THEN RAISE EXCEPTION 'undone'; END IF;
        EXCEPTION WHEN raise_exception THEN NULL;
        END;
    END LOOP;
END $$
"""


class Writer(threading.Thread):
    """One session on the primary that keeps committing, and aborting, what changes its own rows.

    No two writers touch the same row, so none waits for another, and they finish in any order. Every value
    written is a new one: two states with different commits behind them never have the same rows.
    """

    def __init__(self, primary: PostgresServer, number: int, seed: int) -> None:
        super().__init__(name=f"writer {number}")
        self.commits = 0
        self.fault: BaseException | None = None
        self._primary = primary
        self._number = number
        self._dice = random.Random(f"{seed} {number}")
        self._ended = threading.Event()
        self._serial = 0
        self._pace = 1.0
        self._cursor: Any = None

    def stop(self) -> None:
        """End after the transaction at hand."""
        self._ended.set()

    def run(self) -> None:
        try:
            # Waiting for the standby would make a crash of it a pause of the writers.
            connection = self._primary.connect(options="-c synchronous_commit=local")
            try:
                self._cursor = connection.cursor()
                for row in range(ROWS_A_WRITER // 2):
                    self._execute(f"INSERT INTO stress_rows VALUES ({self._id(row)}, {self._new()})")
                while not self._ended.is_set():
                    self._write_once()
            finally:
                connection.close()
        except BaseException as fault:
            self.fault = fault

    def _write_once(self) -> None:
        if self._dice.random() < 0.05:
            self._pace = self._dice.choice(PACES)
        kinds, weights = zip(*self._kinds(), strict=True)
        (kind,) = self._dice.choices(kinds, weights)
        kind()
        self._rest(0.03)

    def _kinds(self) -> Iterator[tuple[Callable[[], None], int]]:
        yield self._update, 30
        yield self._insert_or_delete, 20
        yield self._use_savepoints, 15
        yield self._abort, 10
        yield self._commit_in_two_phases, 10
        yield self._hold_open, 6
        yield self._use_many_subtransactions, 3
        if self._number == 0:  # only one: tables are locked by it
            yield self._replace_tables, 10
            yield self._truncate, 10

    def _update(self) -> None:
        with self._transaction():
            self._touch()
            self._rest(0.01)
            self._touch()

    def _insert_or_delete(self) -> None:
        number = self._id(self._dice.randrange(ROWS_A_WRITER))
        with self._transaction():
            self._execute(f"DELETE FROM stress_rows WHERE id = {number}")
            if not self._cursor.rowcount:
                self._execute(f"INSERT INTO stress_rows VALUES ({number}, {self._new()})")
            self._rest(0.005)

    def _use_savepoints(self) -> None:
        with self._transaction():
            self._touch()
            self._execute("SAVEPOINT one")
            self._touch()
            self._execute(self._dice.choice(("RELEASE one", "ROLLBACK TO one")))
            self._execute("SAVEPOINT two")
            self._rest(0.005)
            self._touch()

    def _abort(self) -> None:
        with self._transaction("ROLLBACK"):
            self._touch()
            self._rest(0.01)

    def _commit_in_two_phases(self) -> None:
        name = f"writer {self._number}"
        with self._transaction(f"PREPARE TRANSACTION '{name}'"):
            self._touch()
            self._execute("SAVEPOINT one")
            self._touch()
        self._rest(0.03)
        self._finish(f"{self._dice.choice(('COMMIT', 'COMMIT', 'ROLLBACK'))} PREPARED '{name}'")

    def _hold_open(self) -> None:
        """The oldest transaction of all for a while: what others commit does not move the snapshot's start."""
        with self._transaction(self._dice.choice(("COMMIT", "COMMIT", "ROLLBACK"))):
            self._touch()
            self._rest(0.3)
            self._touch()

    def _use_many_subtransactions(self) -> None:
        """More than the 64 that a session keeps in shared memory."""
        with self._transaction(self._dice.choice(("COMMIT", "COMMIT", "ROLLBACK"))):
            count = self._dice.randint(66, 90)
            first = self._new()
            self._serial += count
            self._execute(SUBTRANSACTIONS.format(count=count, value=first, id=self._id(0)))
            self._rest(0.03)

    def _replace_tables(self) -> None:
        """Files go away in this commit: that takes time between its being visible and its being replayed."""
        with self._transaction():
            self._touch()
            for name in ("one", "two", "three"):
                self._execute(f"DROP TABLE IF EXISTS stress_{name}")
                self._execute(f"CREATE TABLE stress_{name} AS SELECT i FROM generate_series(1, 50) i")
            self._execute("CREATE TABLE stress_brief (i int); DROP TABLE stress_brief")

    def _truncate(self) -> None:
        with self._transaction():
            self._touch()
            self._execute(f"TRUNCATE stress_side; INSERT INTO stress_side VALUES ({self._new()})")
        self._rest(0.005)
        with self._transaction():
            self._execute(f"INSERT INTO stress_side VALUES ({self._new()})")

    def _touch(self) -> None:
        row = self._id(self._dice.randrange(ROWS_A_WRITER))
        self._execute(f"UPDATE stress_rows SET value = {self._new()} WHERE id = {row}")

    @contextmanager
    def _transaction(self, end: str = "COMMIT") -> Iterator[None]:
        self._execute("BEGIN")
        yield
        self._finish(end)

    def _finish(self, end: str) -> None:
        self._execute(end)
        self.commits += end.startswith("COMMIT")

    def _execute(self, sql: str) -> None:
        self._cursor.execute(sql)

    def _rest(self, longest_seconds: float) -> None:
        self._ended.wait(self._dice.random() * longest_seconds * self._pace)

    def _id(self, row: int) -> int:
        return self._number * ROWS_A_WRITER + row

    def _new(self) -> int:
        self._serial += 1
        return self._number * 10**12 + self._serial


class Caretaker(threading.Thread):
    """Vacuums, since nothing else does here, and writes the checkpoints that a standby restarts from."""

    def __init__(self, primary: PostgresServer, seconds: float = 1.0) -> None:
        super().__init__(name="caretaker")
        self.fault: BaseException | None = None
        self._primary = primary
        self._seconds = seconds
        self._ended = threading.Event()

    def stop(self) -> None:
        self._ended.set()

    def run(self) -> None:
        try:
            connection = self._primary.connect(options="-c synchronous_commit=local")
            with connection.cursor() as cursor:
                while not self._ended.wait(self._seconds):
                    cursor.execute("VACUUM stress_rows, stress_side, pg_class, pg_attribute, pg_type, pg_depend")
                    cursor.execute("CHECKPOINT")
            connection.close()
        except BaseException as fault:
            self.fault = fault
