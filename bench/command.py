"""The command line of the benches under load: the world they measure on, what they need, how they end."""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.rivals.targets import LoadError
from demo.binaries import DemoError
from demo.pair import Pair
from demo.seed_data import load_seed_data

MILLION = 1_000_000
FAULTS = (LoadError, DemoError)
INTERRUPTED = 130  # as a shell has it


def run_command(name: str, work: Callable[[], int]) -> int:
    """The exit status of a bench: 1 with a sentence where it cannot be made, another one after Ctrl-C."""
    try:
        return work()
    except FAULTS as fault:
        print(f"{name}: {fault}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{name}: interrupted; what it had started has ended", file=sys.stderr)
        return INTERRUPTED


def read_count(text: str) -> int:
    """A whole number from 1 on, of the command line."""
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no whole number from 1 on")
    return int(text)


@contextlib.contextmanager
def run_shop(report: Callable[[str], None] = print) -> Iterator[tuple[Pair, Path]]:
    """A running pair with the demo's shop, and the directory of the run, which goes when it ends."""
    with tempfile.TemporaryDirectory(prefix="bench") as name, Pair.create(Path(name) / "pair") as pair:
        load_seed_data(pair, report)
        yield pair, Path(name)


def add_world_options(
    parser: argparse.ArgumentParser, tickets: int | None = 200_000, words: str = "%(default)s"
) -> None:
    """Add the options that say on which world is measured."""
    add = parser.add_argument
    add("--tickets", type=read_count, default=tickets, help=f"how many there are ({words})")
    add(
        *("--data", "-d"),
        type=Path,
        metavar="DIR",
        help="where the two servers' data is kept between runs; a million tickets take 20 GB "
        f"(tickiti-bench in {tempfile.gettempdir()}, with the number of tickets where that is no million)",
    )


def find_data(options: argparse.Namespace) -> Path:
    """The directory of the two servers' data: each number of tickets has one of its own."""
    name = "tickiti-bench" if options.tickets == MILLION else f"tickiti-bench-{options.tickets}"
    data: Path = options.data or Path(tempfile.gettempdir()) / name
    return data.resolve()


def check_wrk() -> None:
    """LoadError where the load generator is missing."""
    if shutil.which("wrk") is None:
        raise LoadError("the load generator wrk is missing; Debian and Ubuntu: apt-get install wrk")


def describe_machine(pair: Pair) -> dict[str, Any]:
    """The day, the machine and the versions, without which no figure says anything."""
    models = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": f"{len(os.sched_getaffinity(0))} × {models[0] if models else platform.machine()}",
        "python": platform.python_version(),
        "postgresql": pair.standby.execute("SHOW server_version")[0][0],
    }


def write_machine(told: Mapping[str, Any]) -> str:
    """The same in words."""
    return f"{told['cpu']}, Python {told['python']}, PostgreSQL {told['postgresql']}, {told['date']}"


def report(line: str) -> None:
    """A line of progress."""
    print(line, flush=True)
