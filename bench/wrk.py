"""The load generator wrk: it keeps a target's clients busy for some seconds, and says what they saw."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.cases import HEADERS, Case
from bench.rivals.targets import LoadError, Target
from tickiti_query.demo.loading import READER
from tickiti_query.demo.postgres import Server

WRK_SCRIPT = """
wrk.method = "POST"
wrk.headers["Authorization"] = os.getenv("BENCH_AUTHORIZATION")
wrk.headers["Content-Type"] = "application/json"
local requests, turn = {}, 0
function init(arguments)
    for body in os.getenv("BENCH_POST"):gmatch("[^\\n]+") do
        requests[#requests + 1] = wrk.format(nil, nil, nil, body)
    end
end
function request()
    turn = turn % #requests + 1
    return requests[turn]
end
function done(summary, latency)
    local errors = summary.errors
    io.write(string.format('RESULT {"requests": %d, "seconds": %f, "p50": %f, "p99": %f, "failed": %d}\\n',
        summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
"""
ENOUGH = 3  # answers for each client
LONGEST_SECONDS = 100
IDLE_SECONDS = 120.0


@dataclass(frozen=True)
class Figures:
    """What wrk says of one target in one round; times are milliseconds.

    Other programs on the machine disturb the CPU times of a request least.
    """

    requests: int
    rate: float
    p50: float
    p99: float
    cpu: float
    database_cpu: float


@dataclass(frozen=True)
class Wrk:
    """The load generator."""

    script: Path
    seconds: int
    standby: Server

    def measure(self, target: Target, case: Case) -> Figures:
        """Load a target for a second, and then for as long as it takes to tell."""
        self.load(target, case, seconds=1)
        wait_idle(self.standby)
        seconds = self.seconds
        while True:
            seen = self.load(target, case, seconds)
            wait_idle(self.standby)
            if seen.requests >= ENOUGH * case.clients or seconds >= LONGEST_SECONDS:
                return seen
            seconds *= 4  # what takes seconds needs more of them to be counted

    def load(self, target: Target, case: Case, seconds: int) -> Figures:
        """Keep the case's clients busy; LoadError where a single answer was not a 200."""
        command = ["wrk", "-t1", f"-c{case.clients}", f"-d{seconds}s", "--timeout", "60s"]
        environment = {
            "BENCH_POST": "\n".join(case.write_bodies()),
            "BENCH_AUTHORIZATION": HEADERS["Authorization"],
        }
        before = read_cpu(target, self.standby)
        done = subprocess.run(
            [*command, "-s", str(self.script), target.url],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        after = read_cpu(target, self.standby)
        found = re.search(r"^RESULT (.*)$", done.stdout, re.MULTILINE)
        if found is None:
            raise LoadError(f"wrk failed: {done.stdout}{done.stderr}")
        result = json.loads(found[1])
        if result["failed"]:
            raise LoadError(f"{target.title}: {result['failed']} of {result['requests']} requests failed")
        requests = result["requests"]
        cpu, database_cpu = ((b - a) / max(requests, 1) for a, b in zip(before, after, strict=True))
        rate = requests / result["seconds"]
        return Figures(requests, rate, result["p50"], result["p99"], cpu, database_cpu)


def read_cpu(target: Target, standby: Server) -> tuple[float, float]:
    """Milliseconds of CPU that the target's processes have used, and that the standby's sessions have."""
    own, sessions = 0, 0
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            ticks = int(fields[11]) + int(fields[12])
            if int(fields[1]) == standby.pid:
                is_session = (process / "cmdline").read_bytes().startswith(f"postgres: {READER} ".encode())
                sessions += ticks * is_session
            elif f"\0TICKITI_BIND={target.bind}\0".encode() in (process / "environ").read_bytes():
                own += ticks
    milliseconds = 1000 / os.sysconf("SC_CLK_TCK")
    return own * milliseconds, sessions * milliseconds


@contextlib.contextmanager
def keep_script() -> Iterator[Path]:
    """wrk's script in a file for as long as it is needed."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "post.lua"
        path.write_text(WRK_SCRIPT)
        yield path


def wait_idle(standby: Server) -> None:
    """Return once nobody asks the standby anything: what wrk gave up on is not stopped there."""
    sql = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND state <> 'idle'"
    standby.wait_until("come to rest", lambda: standby.execute(sql, (READER,)) == [(0,)], IDLE_SECONDS)
