"""One service with two workers against two services with one worker each, in turns: `python -m bench.pods`.

The same 16 connections ask for the same list, kept in the cache: all at the one service, or half of them at each of the
two. Measured are hits a second and their p99; then the same beside two callers of some 5,000 rows each, who ask again
and again for a list that is not in the cache: both at the one service, or one at each of the two.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from bench import command
from bench.cases import HEADERS, MANY_ROWS, PAGE, ask_once, check_hits, write_body
from bench.command import report
from bench.comparison import Comparison, render_table, take_turns
from bench.load_world import INDEXED, open_pair
from bench.rivals.targets import LoadError, Target, ask, run_target
from bench.trees import Tree, find_tree, make_settings
from bench.wrk import Figures, Wrk, keep_script, wait_idle

CLIENTS = 16
LISTS = 500  # long lists of as many lengths, up to 5,000 rows: more than a cache holds
SIDES = ("one service", "two services")
WORKERS = {"one service": 2, "first of two": 1, "second of two": 1}


@dataclass(frozen=True)
class Round:
    """Figures of an arrangement in a round: hits alone, hits beside long answers, and the rate of those."""

    hits: Figures
    beside: Figures
    long_rate: float


def main() -> int:
    """Read the command line and run."""
    options = parse_options()
    return command.run_command("bench.pods", lambda: run(options))


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.pods",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Needs the program wrk (Debian: apt-get install wrk). It takes some three minutes, and one more where\n"
        "the tickets are to be built.",
    )
    add = parser.add_argument
    add("--tree", type=Path, metavar="PATH", help="the checkout to measure, with its own .venv (this one)")
    add("--rounds", type=command.read_count, default=7, help="each arrangement once a round (%(default)s)")
    add("--seconds", type=command.read_count, default=5, help="of each load in a round (%(default)s)")
    command.add_world_options(parser)
    return parser.parse_args()


def run(options: argparse.Namespace) -> int:
    """Measure both arrangements in turns, and print a table."""
    command.check_wrk()
    tree, data = find_tree(options.tree), command.find_data(options)
    report(f"Starting a primary and its hot standby in {data}")
    with open_pair(data, options.tickets) as pair, contextlib.ExitStack() as stack:
        one, first, second = start_services(stack, tree, make_settings(pair, workers=1), data)
        # Each has a thread of wrk for either half of the connections.
        arrangements = dict(zip(SIDES, ((one, one), (first, second)), strict=True))
        wrk = Wrk(stack.enter_context(keep_script()), options.seconds, pair.standby)
        rounds = run_rounds(wrk, arrangements, options.rounds)
        machine = command.write_machine(command.describe_machine(pair))
    print(
        f"\n{tree.describe()}; one service with 2 workers, two services with 1 worker each.\n"
        f"{options.tickets:,} tickets; {CLIENTS} connections, {PAGE} rows; "
        f"{options.rounds} rounds of {options.seconds} s in turns; {machine}.\n\n"
        f"{render_table(SIDES, compare(rounds))}"
    )
    return 0


def start_services(stack: contextlib.ExitStack, tree: Tree, settings: Mapping[str, str], logs: Path) -> list[Target]:
    """The three services, which answer and have hits; they end with the stack."""
    services = []
    for title, workers in WORKERS.items():
        launch = tree.make_launch(title.replace(" ", "-"), title, {"TICKITI_WORKERS": str(workers)})
        report(f"Starting {title}: TICKITI_WORKERS={workers}")
        services.append(stack.enter_context(run_target(launch, settings, logs)))
    for target in services:
        rows = ask_once(target, INDEXED, MANY_ROWS).body.count(b'"ticket_id"')
        if rows != MANY_ROWS:
            raise LoadError(f"{target.title} answered {rows} rows for {MANY_ROWS}")
        check_hits(target)
    return services


def run_rounds(wrk: Wrk, arrangements: Mapping[str, Sequence[Target]], rounds: int) -> dict[str, list[Round]]:
    """Both arrangements in every round, one right after the other."""
    found: dict[str, list[Round]] = {side: [] for side in SIDES}
    numbers = itertools.count()
    for number in range(1, rounds + 1):
        for side in take_turns(SIDES, number):
            seen = measure(wrk, arrangements[side], numbers)
            found[side].append(seen)
            report(f"round {number}/{rounds}  {side:<16}{seen.hits}")
            report(f"{f'beside {seen.long_rate:.1f} long/s':>27}{seen.beside}")
    return found


def measure(wrk: Wrk, targets: Sequence[Target], numbers: Iterator[int]) -> Round:
    """Hits of an arrangement, alone and then beside a caller of long lists at each of its targets."""
    hits = load(wrk, targets)
    with call_beside(targets, numbers) as answered:
        began, before = time.monotonic(), len(answered)
        beside = load(wrk, targets)
        long_rate = (len(answered) - before) / (time.monotonic() - began)
    wait_idle(wrk.standby)
    return Round(hits, beside, long_rate)


def load(wrk: Wrk, targets: Sequence[Target]) -> Figures:
    """Hits for a second to warm up, and then for as long as is measured."""
    bodies = [write_body(INDEXED)]
    wrk.load_all(targets, CLIENTS, bodies, seconds=1)
    return wrk.load_all(targets, CLIENTS, bodies, wrk.seconds)


@contextlib.contextmanager
def call_beside(targets: Sequence[Target], numbers: Iterator[int]) -> Iterator[list[int]]:
    """Keep a caller at each target asking for long lists; the list gets the length of each that has come."""
    ended, answered = threading.Event(), list[int]()

    def call(target: Target) -> None:
        with contextlib.closing(target.connect()) as connection:
            while not ended.is_set():
                length = MANY_ROWS - next(numbers) % LISTS
                reply = ask(connection, HEADERS, write_body(INDEXED, length).encode())
                if reply.status != 200:
                    raise LoadError(f"{target.title} answered {reply.status} to a caller of {length} rows")
                answered.append(length)

    with ThreadPoolExecutor(len(targets)) as callers:
        calls = [callers.submit(call, target) for target in targets]
        try:
            yield answered
        finally:
            ended.set()
    for each in calls:
        try:
            each.result()
        except (OSError, HTTPException) as fault:
            raise LoadError(f"a caller of long lists has no answer: {fault}") from fault


def compare(rounds: Mapping[str, Sequence[Round]]) -> list[Comparison]:
    """All measures of both arrangements."""
    measures: dict[str, Callable[[Round], float]] = {
        "hits a second": lambda seen: seen.hits.rate,
        "hits: p99 ms": lambda seen: seen.hits.p99,
        "hits: own CPU ms": lambda seen: seen.hits.cpu,
        "hits beside long answers: a second": lambda seen: seen.beside.rate,
        "hits beside long answers: p99 ms": lambda seen: seen.beside.p99,
        "long answers a second": lambda seen: seen.long_rate,
    }
    return [Comparison(name, *(tuple(map(read, rounds[side])) for side in SIDES)) for name, read in measures.items()]


if __name__ == "__main__":
    sys.exit(main())
