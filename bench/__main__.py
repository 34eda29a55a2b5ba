"""The list of the benches: `python -m bench`."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Bench:
    """A bench: its module with the usual options, its subject, its duration and the place of its last result."""

    module: str
    options: str
    measures: str
    takes: str
    result: str

    def render(self) -> str:
        """Return the command, and a line for each thing to know before it is run."""
        return "\n".join(
            [
                f"python -m bench.{self.module} {self.options}".rstrip(),
                f"    measures  {self.measures}",
                f"    takes     {self.takes}",
                f"    result    {self.result}",
            ]
        )


README = "bench/README.md"
BENCHES = (
    Bench(
        "load",
        "--write",
        "throughput, latency and CPU of hits and misses, beside bare Flask and hand-written rivals",
        "6 minutes, and more the first time, when it builds a million tickets",
        "bench/results/load.csv",
    ),
    Bench(
        "load",
        "--second-tree PATH",
        "the same hits and misses in this checkout and in another one",
        "5 minutes, and 1 more the first time",
        "bench/results/two_trees.csv",
    ),
    Bench(
        "connections",
        "",
        "memory, time and open files for 5,000 idle connections and 10,000 short ones",
        "1 minute",
        f"{README}#what-a-connection-costs",
    ),
    Bench("pod", "", "memory and CPU of gunicorn and its worker", "40 seconds", "docs/scaling.md#what-a-pod-holds"),
    Bench(
        "long_lists",
        "",
        "memory within the manifest's limit while 16 callers ask for 8 MB each, beside a poller of short lists",
        "2 minutes",
        "docs/scaling.md#long-lists",
    ),
    Bench(
        "pods",
        "",
        "one service with two workers, beside two services with one worker each",
        "3 minutes, and 1 more the first time",
        "docs/scaling.md#one-pod-or-two",
    ),
    Bench("pooler", "", "direct connections, beside PgBouncer", "about 1 minute", "docs/scaling.md#pgbouncer"),
    Bench("rate_limit", "", "time of a check of the rate limit", "5 seconds", f"{README}#what-small-parts-cost"),
    Bench("loans", "", "time of a loan from the connection pool", "6 seconds", f"{README}#what-small-parts-cost"),
    Bench(
        "metrics",
        "",
        "time of counting a hit and a miss, and of a page of metrics",
        "2 seconds",
        f"{README}#what-small-parts-cost",
    ),
    Bench("traces", "", "CPU of a hit without traces and with them", "50 seconds", f"{README}#what-small-parts-cost"),
    Bench(
        "million",
        "URL",
        "nothing: it builds a database for bench.shapes",
        "some minutes for a million tickets",
        f"{README}#shapes",
    ),
    Bench(
        "shapes",
        "--url URL --url100k URL --url5m URL --write",
        "time of 744 lists, beside statements written by hand",
        "hours",
        "bench/results/shapes.csv",
    ),
    Bench(
        "growth",
        "",
        "nothing: it counts the times of bench.shapes and extrapolates to more tickets",
        "1 second",
        "docs/scaling.md#tickets",
    ),
    Bench(
        "freshness",
        "--seconds 600",
        "number of proved answers with other rows than the standby shows",
        "10 minutes",
        f"{README}#is-a-proof-ever-wrong",
    ),
    Bench(
        "guesses",
        "--write",
        "time of a 401 for each kind of token",
        "2 minutes",
        "bench/results/guesses.csv",
    ),
    Bench(
        "memory",
        "",
        "memory of a cached entry, and of a worker over a million requests",
        "some minutes",
        f"{README}#does-a-workers-memory-stay-flat",
    ),
    Bench(
        "trace",
        "",
        "calls, files and changes of file of a request in our own code",
        "10 seconds",
        f"{README}#how-far-a-reader-walks",
    ),
)


def main() -> int:
    """Print the benches."""
    argparse.ArgumentParser(prog="python -m bench", description="List the benches.").parse_args()
    print("\n\n".join(bench.render() for bench in BENCHES))
    print("\nEach has --help. What to install before the first run stands in bench/README.md.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
