"""The load generator wrk: it keeps a target's clients busy for some seconds, and says what they saw."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.cases import HEADERS, Case
from bench.rivals.targets import LoadError, Target
from demo.loading import READER
from demo.postgres import PostgresServer

WRK_SCRIPT = """
wrk.method = "POST"
wrk.headers["Authorization"] = os.getenv("BENCH_AUTHORIZATION")
wrk.headers["Content-Type"] = "application/json"
local requests, turn, ports, threads = {}, 0, {}, 0
for port in os.getenv("BENCH_PORTS"):gmatch("%d+") do
    ports[#ports + 1] = port
end
function setup(thread)
    threads = threads + 1
    thread.addr = wrk.lookup(wrk.host, ports[threads])[1]
end
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
END_SECONDS = 90.0  # beyond its time: a request that is under way then may take a minute


@dataclass(frozen=True)
class Figures:
    """Figures that wrk gives of one load; times are milliseconds.

    Other programs on the machine disturb the CPU times of a request least.
    """

    requests: int
    rate: float
    p50: float
    p99: float
    cpu: float
    database_cpu: float

    def __str__(self) -> str:
        """The words of a line of progress."""
        return (
            f"{self.rate:>9.1f}/s  p50 {self.p50:.2f} ms  p99 {self.p99:.2f} ms  "
            f"CPU {self.cpu:.2f} + {self.database_cpu:.2f} ms"
        )


@dataclass(frozen=True)
class Wrk:
    """The load generator."""

    script: Path
    seconds: int
    standby: PostgresServer

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
        return self.load_all([target], case.clients, case.write_bodies(), seconds)

    def load_all(self, targets: Sequence[Target], clients: int, bodies: Sequence[str], seconds: int) -> Figures:
        """The same, with as many of the clients for each target; a target may be named more than once."""
        command = ["wrk", f"-t{len(targets)}", f"-c{clients}", f"-d{seconds}s", "--timeout", "60s"]
        environment = {
            "BENCH_POST": "\n".join(bodies),
            "BENCH_PORTS": " ".join(str(target.port) for target in targets),
            "BENCH_AUTHORIZATION": HEADERS["Authorization"],
        }
        titles = " and ".join(dict.fromkeys(target.title for target in targets))
        before = read_cpu(targets, self.standby)
        try:
            done = subprocess.run(
                [*command, "-s", str(self.script), targets[0].url],
                env={**os.environ, **environment},
                capture_output=True,
                text=True,
                check=False,
                timeout=seconds + END_SECONDS,
            )
        except subprocess.TimeoutExpired as fault:
            raise LoadError(f"{titles}: wrk did not end within {fault.timeout:g} s") from fault
        after = read_cpu(targets, self.standby)
        found = re.search(r"^RESULT (.*)$", done.stdout, re.MULTILINE)
        if found is None:
            raise LoadError(f"wrk failed: {done.stdout}{done.stderr}")
        result = json.loads(found[1])
        if result["failed"]:
            raise LoadError(f"{titles}: {result['failed']} of {result['requests']} requests failed")
        requests = result["requests"]
        cpu, database_cpu = ((b - a) / max(requests, 1) for a, b in zip(before, after, strict=True))
        rate = requests / result["seconds"]
        return Figures(requests, rate, result["p50"], result["p99"], cpu, database_cpu)


def read_cpu(targets: Sequence[Target], standby: PostgresServer) -> tuple[float, float]:
    """Milliseconds of CPU that the targets' processes have used, and that the standby's sessions have."""
    own, sessions = 0, 0
    binds = [f"\0TICKITI_BIND={target.bind}\0".encode() for target in targets]
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            ticks = int(fields[11]) + int(fields[12])
            if int(fields[1]) == standby.pid:
                is_session = (process / "cmdline").read_bytes().startswith(f"postgres: {READER} ".encode())
                sessions += ticks * is_session
            else:
                environment = (process / "environ").read_bytes()
                own += ticks * any(bind in environment for bind in binds)
    milliseconds = 1000 / os.sysconf("SC_CLK_TCK")
    return own * milliseconds, sessions * milliseconds


@contextlib.contextmanager
def keep_script() -> Iterator[Path]:
    """wrk's script in a file for as long as it is needed."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "post.lua"
        path.write_text(WRK_SCRIPT)
        yield path


def wait_idle(standby: PostgresServer) -> None:
    """Return once nobody asks the standby anything: what wrk gave up on is not stopped there."""
    sql = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND state <> 'idle'"
    standby.wait_until("come to rest", lambda: standby.execute(sql, (READER,)) == [(0,)], IDLE_SECONDS)
