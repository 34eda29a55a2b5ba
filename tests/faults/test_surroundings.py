"""Faults of the service's surroundings: the destination of its log, and its clock."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from demo.loading import READER
from tests.faults.environment import Clock, Environment
from tests.faults.fault import Scene, wait_until
from tests.faults.truth import SLOW_QUESTION


def serve_log(
    environment: Environment, tell: Callable[[str], None], log: int
) -> contextlib.AbstractContextManager[Scene]:
    """A service whose log goes to this descriptor."""
    return environment.serve(environment.standby.url_for(READER), log, tell, environment.observer)


def read_lines(reader: int) -> Iterator[dict[str, Any]]:
    """The lines that are in the pipe now; what was written before it was full may be torn."""
    os.set_blocking(reader, False)
    with contextlib.suppress(BlockingIOError):
        for line in os.read(reader, 1 << 20).splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                yield json.loads(line)


def test_nobody_reads_the_log(environment: Environment, tell: Callable[[str], None]) -> None:
    """The pipe is full, is read again, and is closed: answers go on, and what was lost is told."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    with serve_log(environment, tell, writer) as scene:
        os.close(writer)
        with scene.fault("log pipe full") as fault:
            fault.wait_for(200, 401, times=40)
        assert set(fault.statuses()) == {200, 401}
        with scene.fault("log pipe read again"):
            lines: list[dict[str, Any]] = []

            def tells_what_was_lost() -> bool:
                lines.extend(read_lines(reader))
                return any(line["message"] == "lines were lost" and line["lost"] > 0 for line in lines)

            wait_until(tells_what_was_lost, "a line tells what was lost")
        with scene.fault("log pipe closed") as fault:
            os.close(reader)
            fault.wait_for(200, 401, times=40)
        assert set(fault.statuses()) == {200, 401}


def test_the_disk_for_the_log_is_full(environment: Environment, tell: Callable[[str], None]) -> None:
    with open("/dev/full", "wb") as full, serve_log(environment, tell, full.fileno()) as scene:
        with scene.fault("disk full for the log") as fault:
            fault.wait_for(200, 401, times=40)
        assert set(fault.statuses()) == {200, 401}


def test_the_clock_is_set(environment: Environment, tell: Callable[[str], None], tmp_path: Path) -> None:
    """The clock jumps by hours, forth and back: that of the service while it waits, then that of its server too."""
    clock = Clock(tmp_path / "clock")
    url, log = environment.second.url_for(READER), tmp_path / "log"
    with environment.serve(url, log, tell, environment.second_observer, **clock.variables) as scene:
        with scene.fault("the service's clock set, statements too long") as fault, environment.slow(10):
            began = time.monotonic()
            for hours in (1, -1, 0):
                clock.set(hours)
                fault.wait_for_more(12)
            fault.wait_for(200, 401, 504, times=1)
            ended = time.monotonic()
        meanwhile = [sample for sample in fault.during() if began <= sample.began and sample.ended <= ended]
        assert {s.status for s in meanwhile if s.question is SLOW_QUESTION} == {504}
        assert {s.status for s in meanwhile if s.question is not SLOW_QUESTION} == {200, 401}
        with scene.fault("the server's clock set as well") as fault:
            for hours in (1, -1, 0):
                clock.set(hours)
                set_clock(environment, hours)
                fault.wait_for_more(12)
            fault.wait_for(200, 401, times=1)
        assert set(fault.statuses()) == {200, 401}
    hours_told = {line.partition('"time":"')[2][:13] for line in log.read_text("utf-8").splitlines()}
    assert len(hours_told) >= 3


def set_clock(environment: Environment, hours: int) -> None:
    """Return once the second standby's clock is so many hours from the true time."""
    environment.clock.set(hours)
    sql = "SELECT abs(EXTRACT(EPOCH FROM clock_timestamp()) - %s) < 60"
    true_time = time.time()

    def is_set() -> bool:
        return environment.second.execute(sql, (true_time + hours * 3600,)) == [(True,)]

    wait_until(is_set, "the server's clock has been set")
