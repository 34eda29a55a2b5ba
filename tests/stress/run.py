"""One run of the stress: writers on the primary, checkers on the standby, crashes between them."""

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import psycopg2

from demo.pair import Pair
from tests.stress.checker import Checker, Memory, OpenReplica, Validate
from tests.stress.workload import READER, SET_UP, Caretaker, Writer
from tests.support.servers import crash
from tickiti_query.cache.snapshot import Snapshot, SnapshotId
from tickiti_query.replica.connection import Target

PROGRESS_SECONDS = 10.0
Worker = Writer | Caretaker | Checker


def trust_product(state: Snapshot) -> SnapshotId | None:
    """Return the validator that the service trusts."""
    return state.validator


@dataclass(frozen=True, slots=True)
class Report:
    """The counts of a run.

    `hits` are proofs that held, each compared with the rows; `among_running` of them held while a transaction
    older than the newest finished one was open. `unproved` counts readings that prove nothing, `faults` what the
    replica did not answer. `crossed` are proofs that were under way when their entry was stored, `newer` those of
    them whose entry had other rows: newer ones, which is right for a request that saw both moments. A `wrong` hit
    had other rows than the server showed; `examples` are the first of them.
    """

    seconds: float
    commits: int
    crashes: int
    stored: int
    hits: int
    among_running: int
    misses: int
    unproved: int
    faults: int
    crossed: int
    newer: int
    wrong: int
    examples: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stress:
    """A run over a pair that was created with `workload.SETTINGS` and runs.

    `validate` is what is trusted. The standby crashes every `crash_seconds` or so (0: never), in turn as a whole
    and by the loss of one session, which leaves its start time as it was. `on_primary` checks the primary.
    On a busy machine the run goes on until `least_hits` are compared, for four times `seconds` at the most.
    `validator_first` False stores rows under a validator read after them, which is wrong. `until_wrong` ends the
    run at the first wrong hit.
    """

    seconds: float
    least_hits: int = 0
    writers: int = 6
    checkers: int = 2
    crash_seconds: float = 0.0
    validate: Validate = trust_product
    validator_first: bool = True
    until_wrong: bool = False
    on_primary: bool = False
    seed: int = 1
    tell: Callable[[Report], None] = lambda _report: None

    def run(self, pair: Pair) -> Report:
        """Raises what a writer or a checker raised; leaves both servers running."""
        pair.primary.execute(SET_UP)
        server = pair.primary if self.on_primary else pair.standby
        target = Target(server.url_for(READER), "public", statement_timeout_ms=2000)
        replica = OpenReplica(target, connections=self.checkers, require_standby=not self.on_primary)
        memory = Memory()
        writers = [Writer(pair.primary, number, self.seed) for number in range(self.writers)]
        checkers = [
            Checker(
                replica,
                memory,
                self.validate,
                validator_first=self.validator_first,
                by_sight=self.validate is trust_product and self.validator_first,
            )
            for _ in range(self.checkers)
        ]
        crashes = Crashes(pair, random.Random(self.seed), self.crash_seconds)
        began = time.monotonic()

        def report() -> Report:
            counts = memory.counts.copy()
            return Report(
                seconds=time.monotonic() - began,
                commits=sum(writer.commits for writer in writers),
                crashes=crashes.count,
                stored=counts["stored"],
                hits=counts["hits"],
                among_running=counts["hits among running"],
                misses=counts["misses"],
                unproved=counts["unproved"],
                faults=counts["faults"],
                crossed=counts["crossed"],
                newer=counts["crossed, newer"],
                wrong=counts["wrong"],
                examples=tuple(memory.examples),
            )

        workers: list[Worker] = [*writers, Caretaker(pair.primary), *checkers]
        with at_work(workers):
            told = began
            while not self._is_over(time.monotonic() - began, memory):
                if not all(worker.is_alive() for worker in workers):
                    break
                crashes.crash_when_due()
                if time.monotonic() >= told + PROGRESS_SECONDS:
                    told += PROGRESS_SECONDS
                    self.tell(report())
                time.sleep(0.02)
        replica.close()
        for worker in workers:
            if worker.fault is not None:
                raise worker.fault
        return report()

    def _is_over(self, seconds: float, memory: Memory) -> bool:
        if self.until_wrong and memory.counts["wrong"]:
            return True
        return seconds >= (self.seconds if memory.counts["hits"] >= self.least_hits else 4 * self.seconds)


@contextlib.contextmanager
def at_work(workers: Sequence[Worker]) -> Iterator[None]:
    """Start them all; stop them all, whatever happens."""
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        for worker in workers:
            worker.stop()
        for worker in workers:
            worker.join()


class Crashes:
    """Lets the standby crash now and then, and brings it back."""

    def __init__(self, pair: Pair, rng: random.Random, seconds: float) -> None:
        self.count = 0
        self._pair = pair
        self._dice = rng
        self._seconds = seconds
        self._due = time.monotonic() + self._draw()

    def crash_when_due(self) -> None:
        if not self._seconds or time.monotonic() < self._due:
            return
        self.count += self._crash_session() if self.count % 2 else self._crash_server()
        self._pair.standby.wait_ready()
        self._pair.standby.wait_until("recover", self._recovers, 30)
        self._due = time.monotonic() + self._draw()

    def _recovers(self) -> bool:
        """Write a restart point, so that the next recovery is no longer than this one; it fails while down."""
        try:
            self._pair.standby.execute("CHECKPOINT")
        except psycopg2.Error:
            return False
        return True

    def _draw(self) -> float:
        return self._seconds * (0.5 + self._dice.random())

    def _crash_server(self) -> bool:
        crash(self._pair.standby)
        self._pair.standby.start()
        return True

    def _crash_session(self) -> bool:
        """One session ends as by a segmentation fault: the server drops all the others and recovers."""
        sql = "SELECT pid FROM pg_stat_activity WHERE usename = %s LIMIT 1"
        try:
            [(pid,)] = self._pair.standby.execute(sql, (READER,))
            os.kill(pid, signal.SIGKILL)
        except (psycopg2.Error, ValueError, ProcessLookupError):
            return False  # replay came first, or there was no session: next time
        return True
