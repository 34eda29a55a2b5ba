"""The costs and savings of a pooler, on the demo's shop: `python -m bench.pooler` (needs Debian's pgbouncer).

The figures of docs/scaling.md come from here: a worker of 8 threads with connections of its own, then behind PgBouncer.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack

from bench.command import run_shop
from bench.pod import ask_anew, count_cpu, load
from demo.loading import READER
from demo.pair import Pair
from tests.support.memory_limits import sum_memory
from tests.support.pooler import Pooler
from tests.support.processes import list_children
from tests.support.running import Running, wait_until
from tests.support.shop import PRIYA

SECONDS = 10.0
SESSIONS = 4
MIB = 2**20
KINDS = {"hits": lambda _: "{}", "misses": ask_anew}


def main() -> int:
    """Load both arrangements in turn, and print a row of a table for each kind of answer."""
    argparse.ArgumentParser(prog="python -m bench.pooler", description=__doc__).parse_args()
    with run_shop() as (pair, directory):
        print("| | answers/s | CPU ms each: ours | PostgreSQL's | PgBouncer's | sessions | MiB each |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        for arrangement in ("connections of its own", "behind PgBouncer"):
            with ExitStack() as ends:
                url, settings, bouncers = pair.standby.url_for(READER), {}, []
                if arrangement == "behind PgBouncer":
                    pooler = ends.enter_context(Pooler(directory / "p", pair.standby, sessions=SESSIONS))
                    url, settings, bouncers = (
                        pooler.url,
                        {"TICKITI_POOLER": "transaction"},
                        [pooler.process.pid],
                    )
                running = Running(url, directory / "log", **settings)
                ends.callback(running.end)
                wait_until(running.is_up)
                running.ask(PRIYA)
                for kind, make_body in KINDS.items():
                    before = [count_cpu(each) for each in (list_children(pair.standby.pid), bouncers)]
                    answered, ours, seconds = load(running, make_body, SECONDS)
                    after = [count_cpu(each) for each in (list_children(pair.standby.pid), bouncers)]
                    theirs = [
                        1000 * sum(used - was.get(process, 0.0) for process, used in now.items()) / answered
                        for was, now in zip(before, after, strict=True)
                    ]
                    sessions = list_sessions(pair)
                    print(
                        f"| {kind}, {arrangement} | {answered / seconds:,.0f} | {1000 * ours / answered:.2f} |"
                        f" {theirs[0]:.2f} | {theirs[1]:.2f} | {len(sessions)} |"
                        f" {sum_memory(sessions) / len(sessions) / MIB:.1f} |"
                    )
    return 0


def list_sessions(pair: Pair) -> list[int]:
    """The process ids of the sessions on the standby that are the service's."""
    sql = "SELECT pid FROM pg_stat_activity WHERE usename = %s"
    return [pid for (pid,) in pair.standby.execute(sql, (READER,))]


if __name__ == "__main__":
    sys.exit(main())
