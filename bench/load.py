"""A side-by-side load run: the service's hits and misses against bare Flask and against hand-written rivals.

One command: it builds a primary and a hot standby with a million tickets (kept for the next run), starts every
target on the standby, checks that all of them give the same rows, and measures them in turns with wrk.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.cases import MANY_ROWS, PAGE, ask_once
from bench.command import (
    add_world_options,
    check_wrk,
    describe_machine,
    find_data,
    read_count,
    report,
    run_command,
)
from bench.load_goals import judge_load, judge_times, judge_work
from bench.load_questions import check_answers, compile_statement, read_session, write_questions
from bench.load_report import COLUMNS, Run, Table, list_rows, render_chart, render_section
from bench.load_rounds import ROUND, describe_case, run_rounds
from bench.load_world import INDEXED, SCENARIOS, SCHEMA, open_pair
from bench.many_rows import TIMES, time_many_rows
from bench.results_page import README, replace_section, write_csv
from bench.rivals.targets import LoadError, Target, list_launches, run_target
from bench.standby_work import count_statements
from bench.trees import make_settings
from bench.two_trees import compare_trees
from bench.wrk import Wrk, keep_script
from demo.loading import READER
from demo.pair import Pair
from tickiti_query.replica.connection import Target as ReplicaTarget

DEFAULTS = {"tickets": 1_000_000, "rounds": 3, "seconds": 8, "workers": 2}
DEFAULTS_OF_TWO = {"tickets": 200_000, "rounds": 7, "seconds": 5, "workers": 1}
SECOND_TREE = (
    "measure no rivals, but this checkout and the one at PATH in turns, each with its own .venv: hits and misses a "
    "second, their p99 and CPU, and the ratio of this one to the second; it takes some five minutes, and one more "
    "where the tickets are to be built"
)


def main() -> int:
    """Read the command line and run."""
    options = parse_options()
    work = run if options.second_tree is None else compare_trees
    return run_command("bench.load", lambda: work(options))


def run(options: argparse.Namespace) -> int:
    """Measure, print, and keep what was found."""
    check_tools()
    found = measure(options)
    print(f"\n{render_section(found)}")
    options.json.write_text(json.dumps(asdict(found), indent=1) + "\n")
    report(f"All figures: {options.json}")
    if options.write:
        replace_section("load", render_section(found))
        raw = write_csv("load", COLUMNS, list_rows(found))
        chart = raw.with_suffix(".svg")
        render_chart(found, chart)
        report(f"Written: {README}, {raw}, {chart}")
    return 0


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.load",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Needs the program wrk (Debian: apt-get install wrk) and what requirements/bench.txt lists.",
    )
    add = parser.add_argument
    add_world_options(parser, None, "a million; of two trees 200,000")
    add("--rounds", type=read_count, help="each target is measured once a round (3; of two trees 7)")
    add("--seconds", type=read_count, help="for how long each time (8; of two trees 5)")
    add("--workers", type=read_count, help="processes of each target (2; of two trees 1)")
    add("--threads", type=int, default=8, help="threads of each process under gunicorn (%(default)s)")
    add("--json", type=Path, metavar="FILE", help="where all figures go (load.json in the data directory)")
    add(
        "--write",
        action="store_true",
        help="write the section of bench/README.md, bench/results/load.csv and its chart",
    )
    add("--second-tree", type=Path, metavar="PATH", help=SECOND_TREE)
    options = parser.parse_args()
    if options.write and options.second_tree:
        parser.error("--write is for the run against the rivals, not for two trees")
    defaults = DEFAULTS if options.second_tree is None else DEFAULTS_OF_TWO
    vars(options).update({name: value for name, value in defaults.items() if getattr(options, name) is None})
    options.data = find_data(options)
    options.json = options.json or options.data / ("two_trees.json" if options.second_tree else "load.json")
    return options


def check_tools() -> None:
    """LoadError where something is missing that the run needs."""
    check_wrk()
    missing = []
    for module in ("asyncpg", "fastapi", "httptools", "matplotlib", "uvicorn", "uvloop"):
        try:
            __import__(module)
        except ImportError:
            missing.append(module)
    if missing:
        raise LoadError(f"{', '.join(missing)} missing: {sys.executable} -m pip install -r requirements/bench.txt")


def measure(options: argparse.Namespace) -> Run:
    """Everything, from an empty directory or a former run's data."""
    report(f"Starting a primary and its hot standby in {options.data}")
    with open_pair(options.data, options.tickets) as pair, contextlib.ExitStack() as stack:
        url = pair.standby.url_for(READER)
        session = ReplicaTarget(url, SCHEMA, statement_timeout_ms=60_000)
        statements = {number: compile_statement(session, number, PAGE) for number in SCENARIOS}
        environment = {
            **make_settings(pair, options.workers, options.threads),
            "BENCH_REPLICA_URL": url,
            "BENCH_SESSION": json.dumps(read_session(session)),
            "BENCH_QUESTIONS": str(write_questions(options.data / "questions.json", statements)),
            "BENCH_BODY": str(options.data / "body.json"),
        }
        targets: dict[str, Target] = {}
        launches = sorted(list_launches(options.workers), key=lambda launch: launch.name == "bare_flask")
        for launch in launches:
            if launch.name == "bare_flask":  # the last one: it hands out what ours answered
                (options.data / "body.json").write_bytes(ask_once(targets["hit"], INDEXED).body)
            report(f"Starting {launch.title}")
            targets[launch.name] = stack.enter_context(run_target(launch, environment, options.data))
        check_answers(targets, ROUND)
        report("Counting the statements of a hit")
        statements_a_hit, scans = count_statements(pair.standby, targets["hit"])
        report(f"Timing {MANY_ROWS:,} rows, {TIMES} times")
        many = compile_statement(session, INDEXED, MANY_ROWS)
        times = time_many_rows(targets["miss"], many, session, options.data)
        wrk = Wrk(stack.enter_context(keep_script()), options.seconds, pair.standby)
        figures = run_rounds(wrk, targets, options.rounds)
        table = Table([describe_case(case, targets[case.target], figures[case]) for case in ROUND])
        goals = [*judge_load(figures), *judge_work(statements_a_hit, scans), *judge_times(times)]
        return Run(describe_conditions(options, pair), table, goals, times)


def describe_conditions(options: argparse.Namespace, pair: Pair) -> dict[str, Any]:
    """Return the conditions of the run, by which a reader judges its figures."""
    return {
        **describe_machine(pair),
        "tickets": options.tickets,
        "rows": PAGE,
        "workers": options.workers,
        "threads": options.threads,
        "rounds": options.rounds,
        "seconds": options.seconds,
        "load_average": round(os.getloadavg()[0], 1),
    }


if __name__ == "__main__":
    sys.exit(main())
