"""Look for a wrong proof for a given time: `python -m bench.freshness --seconds 600`.

Starts a primary and a standby of its own, lets writers commit in every way there is, crashes the standby now and
then, and compares each proved answer with the rows. Ends with status 1 if one was wrong.
"""

import argparse
import os
import sys
import tempfile
from dataclasses import asdict, fields
from pathlib import Path

from demo.binaries import BINDIR_VARIABLE
from demo.pair import Pair
from tests.stress.run import Report, Stress
from tests.stress.workload import SETTINGS

NUMBERS = [field.name for field in fields(Report) if field.name not in {"seconds", "examples"}]


def main() -> int:
    """Read the command line, run, and tell."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.freshness", description="Compare proved answers with the rows, under stress."
    )
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--writers", type=int, default=6)
    parser.add_argument("--checkers", type=int, default=3)
    parser.add_argument("--crash-seconds", type=float, default=15, help="between crashes; 0: none")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bindir", help=f"PostgreSQL's programs, as {BINDIR_VARIABLE}; else the wheel's")
    arguments = parser.parse_args()
    if arguments.bindir:
        os.environ[BINDIR_VARIABLE] = arguments.bindir
    stress = Stress(
        seconds=arguments.seconds,
        writers=arguments.writers,
        checkers=arguments.checkers,
        crash_seconds=arguments.crash_seconds,
        seed=arguments.seed,
        tell=tell_progress,
    )
    with (
        tempfile.TemporaryDirectory(prefix="freshness") as directory,
        Pair.create(Path(directory), settings=SETTINGS) as pair,
    ):
        [(version,)] = pair.standby.execute("SHOW server_version")
        print(f"PostgreSQL {version}, {stress.writers} writers, {stress.checkers} checkers", flush=True)
        report = stress.run(pair)
    tell_result(version, report)
    return 1 if report.wrong else 0


def tell_progress(report: Report) -> None:
    """One line."""
    print(
        f"{report.seconds:6.0f} s  {report.commits:>9,} commits  {report.crashes:>3} crashes"
        f"  {report.hits:>10,} hits  {report.misses:>9,} misses  {report.wrong} wrong",
        flush=True,
    )


def tell_result(version: str, report: Report) -> None:
    """The table, and what was wrong."""
    facts = asdict(report)
    print(f"\n| PostgreSQL {version} | {report.seconds:.0f} s |\n|---|---:|")
    for name in NUMBERS:
        print(f"| {name.replace('_', ' ')} | {facts[name]:,} |")
    for example in report.examples:
        print(f"\nwrong: {example}")


if __name__ == "__main__":
    sys.exit(main())
