"""The cost of connections to a worker, 5,000 idle ones and 10,000 of one request each: `python -m bench.connections`.

Idle: one worker has 5,000 connections that are kept after a request each. Measured are its memory for each of them,
and the time of a request on a new connection before and then. Short: one worker gets 10,000 connections of one request
each, with `Connection: close`. Its memory and its open files must stay what they were after the first 1,000.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import socket
import statistics
import sys
import time
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from bench import command
from bench.cases import HEADERS, write_body
from bench.command import report
from bench.load_world import INDEXED, open_pair
from bench.rivals.targets import LoadError, Target, ask, run_target
from bench.trees import find_tree, make_settings
from bench.worker_usage import find_worker, read_at_rest

WARM_UP = 1000
NEWCOMERS = 100
PATIENCE_SECONDS = 5.0  # for an answer on a new connection
SPARE_FILES = 1000
MEMORY_ALLOWED = 0.03  # the part by which bench.memory lets a worker grow
FILES_ALLOWED = 3  # perhaps a connection to the standby more; one left of a thousand would be ten
QUESTION = write_body(INDEXED).encode()
KIB, MIB = 2**10, 2**20
FAULTS = (OSError, HTTPException)


def main() -> int:
    """Read the command line and run."""
    options = parse_options()
    return command.run_command("bench.connections", lambda: run(options))


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.connections",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="It takes less than a minute, and one more where the tickets are to be built. The exit status is 1\n"
        "where the worker did not keep all idle connections, or did not stay flat. A worker that may have fewer\n"
        "connections than that is given more by GUNICORN_CMD_ARGS='--worker-connections 6000'.",
    )
    add = parser.add_argument
    add("--tree", type=Path, metavar="PATH", help="the checkout to measure, with its own .venv (this one)")
    add("--idle", type=command.read_count, default=5000, help="idle connections (%(default)s)")
    add("--short", type=command.read_count, default=10_000, help="connections of one request (%(default)s)")
    command.add_world_options(parser)
    return parser.parse_args()


def run(options: argparse.Namespace) -> int:
    """Measure both, each with a service of its own; 1 where something is not as it must be."""
    tree, data = find_tree(options.tree), command.find_data(options)
    allow_files(options.idle + SPARE_FILES)
    launch = tree.make_launch("connections", "the worker", {})
    report(f"Starting a primary and its hot standby in {data}")
    with open_pair(data, options.tickets) as pair:
        settings = make_settings(pair, workers=1)
        machine = command.write_machine(command.describe_machine(pair))
        report(f"{tree.describe()}; {options.tickets:,} tickets; {machine}.")
        with run_target(launch, settings, data) as target:
            is_kept = measure_idle(target, options.idle)
        with run_target(launch, settings, data) as target:
            is_flat = measure_short(target, options.short)
    return 0 if is_kept and is_flat else 1


def allow_files(wanted: int) -> None:
    """Let this process, and so the services that it starts, open so many files; LoadError where it may not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise LoadError(f"{wanted:,} open files are needed, and `ulimit -Hn` allows {hard:,}")
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


# --- idle connections ------------------------------------------------------------------------------------


def measure_idle(target: Target, wanted: int) -> bool:
    """Print what idle connections cost; whether the worker kept all of them."""
    ask_shortly(target, WARM_UP)
    worker = find_worker(target)
    alone = time_newcomers(target)
    before = read_at_rest(worker)
    report(f"Opening {wanted:,} connections, with a request each")
    with contextlib.ExitStack() as stack:
        crowd = open_crowd(target, wanted, stack)
        after = read_at_rest(worker)
        beside = time_newcomers(target)
        kept = sum(map(is_open, crowd))
    cost = (after.memory - before.memory) / max(kept, 1) / KIB
    lines = [
        f"\n| {wanted:,} idle connections on one worker | before | with them |",
        "|---|---:|---:|",
        f"| kept | | {kept:,} |",
        f"| open files of the worker | {before.files:,} | {after.files:,} |",
        f"| RSS of the worker, MiB | {before.memory / MIB:.1f} | {after.memory / MIB:.1f} |",
        f"| RSS of an idle connection, KiB | | {cost:.1f} |",
        f"| a request on a new connection, ms: median | {write_median(alone)} | {write_median(beside)} |",
        f"| the longest of {NEWCOMERS}, one after the other | {write_longest(alone)} | {write_longest(beside)} |",
    ]
    report("\n".join(lines) + "\n")
    return kept == wanted


def open_crowd(target: Target, wanted: int, stack: contextlib.ExitStack) -> list[HTTPConnection]:
    """Connections that are open after a request each: as many as wanted, or until one is not answered."""
    crowd: list[HTTPConnection] = []
    while len(crowd) < wanted:
        connection = target.connect(PATIENCE_SECONDS)
        stack.callback(connection.close)
        try:
            status = ask(connection, HEADERS, QUESTION).status
        except FAULTS as fault:
            status, told = 0, str(fault)
        else:
            told = f"status {status}"
        if status != 200:
            connection.close()
            report(f"Connection {len(crowd) + 1:,} has no answer: {told}")
            break
        crowd.append(connection)
    return crowd


def is_open(connection: HTTPConnection) -> bool:
    """True while neither side has closed a connection."""
    if connection.sock is None:
        return False
    connection.sock.settimeout(0)
    try:
        return connection.sock.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def time_newcomers(target: Target) -> list[float]:
    """Milliseconds of a request with its new connection, one after the other, until one has no answer."""
    taken: list[float] = []
    with contextlib.suppress(*FAULTS):
        for _ in range(NEWCOMERS):
            began = time.perf_counter()
            ask_once_shortly(target)
            taken.append(1000 * (time.perf_counter() - began))
    return taken


def write_median(times: Sequence[float]) -> str:
    """The median of milliseconds, if there are any."""
    return f"{statistics.median(times):.2f}" if times else f"none in {PATIENCE_SECONDS:g} s"


def write_longest(times: Sequence[float]) -> str:
    """The longest of milliseconds, if all were answered."""
    return f"{max(times):.2f}" if len(times) == NEWCOMERS else f"{len(times)} answered"


# --- short connections -----------------------------------------------------------------------------------


def measure_short(target: Target, connections: int) -> bool:
    """Print what is left of short connections; whether the worker is as it was."""
    report(f"Opening {WARM_UP:,} and {connections:,} connections of one request each")
    ask_shortly(target, WARM_UP)
    worker = find_worker(target)
    before = read_at_rest(worker)
    ask_shortly(target, connections)
    after = read_at_rest(worker)
    growth = after.memory / before.memory - 1
    is_flat = growth <= MEMORY_ALLOWED and after.files - before.files <= FILES_ALLOWED
    lines = [
        f"\n| {connections:,} connections of one request each | before, after {WARM_UP:,} | after them |",
        "|---|---:|---:|",
        f"| RSS of the worker, MiB | {before.memory / MIB:.1f} | {after.memory / MIB:.1f} |",
        f"| open files of the worker | {before.files} | {after.files} |",
    ]
    report("\n".join(lines) + "\n")
    report(
        f"RSS {growth:+.1%}, at most {MEMORY_ALLOWED:.0%}; files {after.files - before.files:+}, "
        f"at most {FILES_ALLOWED}: {'flat' if is_flat else 'NOT FLAT'}"
    )
    return is_flat


def ask_shortly(target: Target, times: int) -> None:
    """Ask on a new connection each time; LoadError where one has no answer."""
    for number in range(1, times + 1):
        try:
            ask_once_shortly(target)
        except FAULTS as fault:
            raise LoadError(f"{target.title}: short connection {number:,} has no answer: {fault}") from fault


def ask_once_shortly(target: Target) -> None:
    """Ask once on a connection that ends with the answer; LoadError where that is none."""
    with contextlib.closing(target.connect(PATIENCE_SECONDS)) as connection:
        status = ask(connection, {**HEADERS, "Connection": "close"}, QUESTION).status
    if status != 200:
        raise LoadError(f"{target.title} answered {status}")


if __name__ == "__main__":
    sys.exit(main())
