"""A fault under traffic: from all being well, through the fault, to all being well again; and what was promised."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.faults.traffic import Sample, Traffic
from tests.faults.truth import Truth
from tests.support.running import Running

STATEMENT_SECONDS = 1
MACHINE_SECONDS = 4.0  # what a slow machine adds, which all that a test starts has to share
# Two proofs of three seconds each, and a reading: the statement's limit and a second.
LONGEST_ANSWER_SECONDS = 3 + 3 + STATEMENT_SECONDS + 1 + MACHINE_SECONDS
RECOVERY_SECONDS = 5.0 + MACHINE_SECONDS
LONGEST_WAIT_SECONDS = 90.0  # for what is bound to come
WELL_IN_A_ROW = 40  # several of each question, by every client, from both workers
CODES = {503: {"replica_unavailable", "overloaded"}, 504: {"query_timeout"}}


class Fault:
    """A fault from `began` to `ended`, and the clients' samples during it and after it."""

    def __init__(self, traffic: Traffic) -> None:
        self.began = time.monotonic()
        self.ended = float("inf")
        self._traffic = traffic

    def during(self) -> list[Sample]:
        """The samples that were asked and answered while the fault lasted."""
        return [s for s in self._traffic.samples.copy() if s.began >= self.began and s.ended <= self.ended]

    def across(self, moment: float) -> list[Sample]:
        """Return the samples that had been asked by that moment, even before the fault, and were answered after it."""
        return [s for s in self._traffic.samples.copy() if s.began < moment < s.ended]

    def statuses(self) -> Counter[int | None]:
        """The number of answers of each status while the fault lasted."""
        return Counter(sample.status for sample in self.during())

    def wait_for(self, *statuses: int, times: int = 10) -> None:
        """Return once each of these statuses has been answered this often while the fault lasted."""
        self._wait(lambda: all(self.statuses()[status] >= times for status in statuses))

    def wait_for_more(self, answers: int) -> None:
        """Return once so many more requests have been asked and answered."""
        wanted = len(self.during()) + answers
        self._wait(lambda: len(self.during()) >= wanted)

    def wait_to_last(self, seconds: float) -> None:
        """Return once the fault has lasted so long, for one whose time is what a test is about."""
        self._wait(lambda: time.monotonic() >= self.began + seconds)

    def _wait(self, holds: Callable[[], bool]) -> None:
        try:
            wait_until(holds, "the answers that a test waits for")
        except AssertionError as error:
            raise AssertionError(f"{error}, but {self.statuses()}; the last was {self.during()[-1:]}") from None


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Poll; AssertionError when time is up."""
    end = time.monotonic() + LONGEST_WAIT_SECONDS
    while not holds():
        assert time.monotonic() < end, f"not within {LONGEST_WAIT_SECONDS:g} s: {what}"
        time.sleep(0.01)


class Judge:
    """Keeps the promises: each answer is right, or a clean refusal at its time; and none takes too long."""

    def __init__(self, truth: Truth, may_be_lost: Callable[[Sample], bool], recovering_until: float) -> None:
        self._truth = truth
        self._may_be_lost = may_be_lost
        self._recovering_until = recovering_until  # from the fault before this one

    def find_fault(self, sample: Sample, fault: Fault) -> str | None:
        """One sentence on the promise that was broken, or None."""
        if sample.seconds > LONGEST_ANSWER_SECONDS:
            return f"took {sample.seconds:.1f} s"
        if sample.status is None:
            return None if self._may_be_lost(sample) else f"no answer: {sample.fault}"
        if sample.headers.get("Content-Type") != "application/json; charset=utf-8":
            return "is no JSON"
        found = json.loads(sample.body)
        if sample.status in CODES:
            return self._find_unclean(sample, found) or self._find_untimely(sample, fault)
        return self._truth.find_fault(sample.question, sample.began, sample.ended, sample.status, found, sample.headers)

    @staticmethod
    def _find_unclean(sample: Sample, found: dict[str, object]) -> str | None:
        assert sample.status is not None
        if list(found) != ["ok", "error", "message"] or found["error"] not in CODES[sample.status]:
            return f"{sample.status} with {found}"
        if not sample.headers.get("Retry-After", "").isdigit():
            return f"{sample.status} without Retry-After"
        return None

    def _find_untimely(self, sample: Sample, fault: Fault) -> str | None:
        """Return a sentence where a refusal came without a fault."""
        is_early = self._recovering_until < sample.began and sample.ended < fault.began
        if is_early or sample.began > fault.ended + RECOVERY_SECONDS:
            return f"{sample.status} and no fault"
        return None


class Scene:
    """A service that runs, what is true of its answers, and what was seen of each fault so far.

    All scenes share the servers, and so what is left of a fault: a reader that hung may hold replay up again.
    """

    recovering_until = float("-inf")

    def __init__(self, running: Running, truth: Truth, tell: Callable[[str], None]) -> None:
        self.running = running
        self._truth = truth
        self._tell = tell

    @contextmanager
    def fault(
        self, name: str, *, may_be_lost: Callable[[Sample], bool] = lambda _: False, recovers: bool = True
    ) -> Iterator[Fault]:
        """The block is the fault: it begins when all is well, and all must be well soon after it.

        `may_be_lost` says which requests may end without an answer. `recovers` False: the service ends with it.
        """
        judge = Judge(self._truth, may_be_lost, Scene.recovering_until)
        with Traffic(self.running.port) as traffic:
            wait_well(traffic, 0.0, f"all is well before {name}")
            fault = Fault(traffic)
            yield fault
            fault.ended = time.monotonic()
            Scene.recovering_until = fault.ended + RECOVERY_SECONDS
            if recovers:
                wait_well(traffic, fault.ended, f"all is well after {name}")
        self._judge(name, fault, traffic.samples, judge)

    def _judge(self, name: str, fault: Fault, samples: list[Sample], judge: Judge) -> None:
        found = [(sample, judge.find_fault(sample, fault)) for sample in samples]
        broken = [f"{sample}: {what}" for sample, what in found if what]
        counts = dict(sorted(fault.statuses().items(), key=str))
        # What the fault's end let through, and what was asked after it.
        ill = [sample.ended for sample in samples if sample.ended > fault.ended and not sample.is_well]
        over = max(ill, default=fault.ended) - fault.ended
        slowest = max(sample.seconds for sample in samples)
        self._tell(
            f"{name}: {fault.ended - fault.began:.1f} s, answers {counts}, slowest {slowest:.2f} s,"
            f" over after {over:.2f} s"
        )
        assert not broken, f"{len(broken)} of {len(samples)} answers, such as\n" + "\n".join(broken[:3])

    def ready(self) -> tuple[int, dict[str, str]]:
        """Return the status of `/readyz`, and the checks that fail."""
        status, body = self.running.get("/readyz", port=self.running.admin_port)
        return status, {name: word for name, word in body["checks"].items() if word not in {"ok", "unknown"}}


def wait_well(traffic: Traffic, since: float, what: str) -> None:
    """Return once all is well; AssertionError, with the last answer that was not, where that takes too long."""
    try:
        wait_until(lambda: is_well(traffic.samples, since), what)
    except AssertionError as error:
        ill = [sample for sample in traffic.samples if not sample.is_well][-1:]
        raise AssertionError(f"{error}; {len(traffic.samples)} answers, the last that was ill: {ill}") from None


def is_well(samples: list[Sample], since: float) -> bool:
    """Return whether the last answers were all those of a good day, and asked after this moment."""
    last = samples[-WELL_IN_A_ROW:]
    return len(last) == WELL_IN_A_ROW and all(s.is_well and s.began >= since for s in last)
