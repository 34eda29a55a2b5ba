"""A side-by-side load run: the service's hits and misses against bare Flask and against hand-written rivals.

One command: it builds a primary and a hot standby with a million tickets (kept for the next run), starts every
target on the standby, checks that all of them give the same rows, and measures them in turns with wrk.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.cases import HEADERS, MANY_ROWS, PAGE, QUESTIONS, Case, ask_once, write_body
from bench.command import (
    add_world_options,
    check_wrk,
    describe_machine,
    find_data,
    read_count,
    report,
    run_command,
)
from bench.load_report import COLUMNS, Goal, Run, Table, list_rows, render_chart, render_section
from bench.load_world import INDEXED, SCENARIOS, SCHEMA, SEARCHED, SORTED, TOKEN, open_pair
from bench.results_page import README, replace_section, write_csv
from bench.rivals.targets import LoadError, Target, ask, list_recipes, run_target
from bench.trees import make_settings
from bench.two_trees import compare_trees
from bench.wrk import Figures, Wrk, keep_script
from tickiti_query.catalogue.resolved_names import ResolvedNames
from tickiti_query.cli.psql_script import write_script
from tickiti_query.compiler import compile_query
from tickiti_query.demo.binaries import find_bindir
from tickiti_query.demo.loading import READER
from tickiti_query.demo.pair import Pair
from tickiti_query.demo.postgres import PostgresServer
from tickiti_query.model.search import Selector
from tickiti_query.model.statement import Statement
from tickiti_query.replica.connection import Target as ReplicaTarget
from tickiti_query.replica.replica import Replica
from tickiti_query.replica.waiting import deadline_from_now
from tickiti_query.reporting.perspectives import find_perspective
from tickiti_query.reporting.tokens import find_token, read_credentials

TIMES = 7
HITS_COUNTED = 20
STATISTICS_SECONDS = 11.0  # an idle session tells what it has read within ten

DEFAULTS = {"tickets": 1_000_000, "rounds": 3, "seconds": 8, "workers": 2}
DEFAULTS_OF_TWO = {"tickets": 200_000, "rounds": 7, "seconds": 5, "workers": 1}
SECOND_TREE = (
    "measure no rivals, but this checkout and the one at PATH in turns, each with its own .venv: hits and misses a "
    "second, their p99 and CPU, and the ratio of this one to the second; it takes some five minutes, and one more "
    "where the tickets are to be built"
)

ROUND = (
    *(Case(INDEXED, name, 16) for name in ("bare_flask", "hit", "fastapi", "miss", "flask_psycopg2")),
    *(Case(INDEXED, name, 16, QUESTIONS) for name in ("fastapi", "miss")),
    *(Case(SORTED, name, 16) for name in ("hit", "fastapi")),
    *(Case(SEARCHED, name, 16) for name in ("hit", "fastapi")),
    *(Case(INDEXED, name, 1) for name in ("bare_flask", "hit")),
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
        recipes = sorted(list_recipes(options.workers), key=lambda recipe: recipe.name == "bare_flask")
        for recipe in recipes:
            if recipe.name == "bare_flask":  # the last one: it hands out what ours answered
                (options.data / "body.json").write_bytes(ask_once(targets["hit"], INDEXED).body)
            report(f"Starting {recipe.title}")
            targets[recipe.name] = stack.enter_context(run_target(recipe, environment, options.data))
        check_answers(targets)
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


# --- the same question for everybody ---------------------------------------------------------------------


def compile_statement(session: ReplicaTarget, perspective_id: int, row_limit: int) -> Statement:
    """The statement that the service runs for this perspective, for the bench's token."""
    credentials = read_credentials(f"Bearer {TOKEN}")

    def work(source: Any) -> Statement:
        actor = find_token(source, credentials).actor
        perspective = find_perspective(source, Selector(id=perspective_id), actor)
        names = ResolvedNames()
        statement = compile_query(perspective, (), actor, row_limit, names)
        if names.missing:
            raise LoadError(f"{perspective.title} needs names looked up, which the rivals do not do")
        return statement

    replica = Replica(session, connections=1)
    try:
        return replica.read(work, deadline_from_now(replica.longest_read_seconds))
    finally:
        replica.close()


def read_session(session: ReplicaTarget) -> dict[str, str]:
    """The settings that the service gives its sessions, for the rivals to have the same."""
    return dict(session.settings)


def write_questions(path: Path, statements: Mapping[int, Statement]) -> Path:
    """The statements for the rivals, as bench/rivals/questions.py reads them."""
    questions = {}
    for number, statement in statements.items():
        binds = {name: value for name, value in statement.params}  # noqa: C416
        [queues] = [name for name in binds if name.startswith("queues")]
        [limit] = [name for name in binds if name.startswith("limit")]
        questions[number] = {"sql": statement.sql, "binds": binds, "queues": queues, "limit": limit}
    path.write_text(json.dumps(questions, indent=1))
    return path


def check_answers(targets: Mapping[str, Target]) -> None:
    """LoadError unless every target gives byte for byte what the service gives."""
    for case in dict.fromkeys(Case(each.perspective_id, each.target, 0) for each in ROUND):
        ours = ask_once(targets["miss"], case.perspective_id).body
        theirs = ask_once(targets[case.target], case.perspective_id).body.removesuffix(b"\n")
        if ours != theirs:
            raise LoadError(f"{targets[case.target].title} gives other bytes for {case.perspective_id}")
        if len(json.loads(ours)["data"]) != PAGE:
            raise LoadError(f"perspective {case.perspective_id} has fewer than {PAGE} rows here")
    report(f"All {len(targets)} targets give the same bytes")


# --- load ------------------------------------------------------------------------------------------------


def run_rounds(wrk: Wrk, targets: Mapping[str, Target], rounds: int) -> dict[Case, list[Figures]]:
    """All cases in turns, so that what the machine does meanwhile falls on all of them."""
    figures: dict[Case, list[Figures]] = {case: [] for case in ROUND}
    for number in range(1, rounds + 1):
        for case in ROUND:
            target = targets[case.target]
            seen = wrk.measure(target, case)
            figures[case].append(seen)
            report(
                f"round {number}/{rounds}  {case.clients:>2} clients  perspective {case.perspective_id}  "
                f"{case.questions:>2} questions  "
                f"{target.title:<26}{seen}"
            )
    return figures


def describe_case(case: Case, target: Target, figures: Sequence[Figures]) -> dict[str, Any]:
    """A line of the table: medians over the rounds."""
    return {
        "scenario": case.scenario,
        "clients": case.clients,
        "target": target.title,
        "rate": statistics.median(each.rate for each in figures),
        "p50_ms": statistics.median(each.p50 for each in figures),
        "p99_ms": statistics.median(each.p99 for each in figures),
        "cpu_ms": statistics.median(each.cpu for each in figures),
        "database_cpu_ms": statistics.median(each.database_cpu for each in figures),
        "rounds": [asdict(each) for each in figures],
    }


# --- the database's own word -----------------------------------------------------------------------------


def count_statements(standby: PostgresServer, target: Target) -> tuple[float, int]:
    """What one hit makes the standby do: statements in its log, and scans of tables or indexes."""
    question = write_body(INDEXED).encode()
    with contextlib.closing(target.connect()) as connection:
        time.sleep(STATISTICS_SECONDS)
        ask(connection, HEADERS, question)
        ask(connection, HEADERS, question)
        set_logging(standby, "all")
        try:
            scans = count_scans(standby)
            offset = standby.log.stat().st_size
            for _ in range(HITS_COUNTED):
                reply = ask(connection, HEADERS, question)
                if "hit" not in reply.cache_status:
                    raise LoadError(f"not a hit: {reply.cache_status}")
            with standby.log.open("rb") as log:
                log.seek(offset)
                told = log.read().decode("utf-8", "replace")
        finally:
            set_logging(standby, "none")
        time.sleep(STATISTICS_SECONDS)
        scans = count_scans(standby) - scans
    logged = re.findall(r" LOG:  (?:statement|execute [^:]+): ", told)
    return len(logged) / HITS_COUNTED, scans


def set_logging(standby: PostgresServer, which: str) -> None:
    """Have every session log its statements, or none; sessions follow before their next one."""
    standby.execute(f"ALTER SYSTEM SET log_statement = '{which}'")
    standby.execute("SELECT pg_reload_conf()")
    time.sleep(0.5)


def count_scans(standby: PostgresServer) -> int:
    """Scans of the reporting relations since the server's statistics began."""
    sql = "SELECT sum(seq_scan + COALESCE(idx_scan, 0)) FROM pg_stat_user_tables WHERE schemaname = %s"
    return int(standby.execute(sql, (SCHEMA,))[0][0])


def time_many_rows(target: Target, statement: Statement, session: ReplicaTarget, directory: Path) -> dict[str, float]:
    """Milliseconds to the last byte of 5,000 rows, in turns: ours, and psql's to /dev/null; both stay connected."""
    script = directory / "rows.sql"
    script.write_text(write_script(statement))
    question = write_body(INDEXED, MANY_ROWS).encode()
    taken: dict[str, list[float]] = {"ours": [], "psql": []}
    with contextlib.closing(target.connect()) as connection, open_psql(session) as psql:
        for _ in range(TIMES + 1):
            began = time.perf_counter()
            reply = ask(connection, HEADERS, question)
            taken["ours"].append(time.perf_counter() - began)
            if reply.status != 200 or reply.body.count(b'"ticket_id"') != MANY_ROWS:
                raise LoadError(f"{target.title} answered {reply.status} for {MANY_ROWS} rows")
            began = time.perf_counter()
            run_script(psql, script)
            taken["psql"].append(time.perf_counter() - began)
    return {name: 1000 * statistics.median(values[1:]) for name, values in taken.items()}  # the first warms up


@contextlib.contextmanager
def open_psql(session: ReplicaTarget) -> Iterator[subprocess.Popen[str]]:
    """A psql that reads its input, over the same kind of connection and with the same settings as the service."""
    command = [
        str(find_bindir() / "psql"),
        "-X",
        "-q",
        "-v",
        "ON_ERROR_STOP=1",
        "-o",
        os.devnull,
        session.url,
    ]
    environment = {**os.environ, "PGOPTIONS": session.options}
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as psql:
        yield psql
        psql.communicate("\\q\n")


def run_script(psql: subprocess.Popen[str], script: Path) -> None:
    """Run a script to its end; LoadError where psql gave up."""
    assert psql.stdin
    assert psql.stdout
    psql.stdin.write(f"\\i {script}\n\\echo done\n")
    psql.stdin.flush()
    if psql.stdout.readline() != "done\n":
        raise LoadError(f"psql did not run {script}")


# --- what was wanted -------------------------------------------------------------------------------------


def judge_load(figures: Mapping[Case, Sequence[Figures]]) -> Iterator[Goal]:
    """The ratios of one round with each other; of the rounds, the median."""

    def compare(one: Case, other: Case, measure: Callable[[Figures, Figures], float]) -> float:
        return statistics.median(map(measure, figures[one], figures[other]))

    def rate(perspective_id: int, one: str, other: str, questions: int = 1) -> float:
        ours, theirs = (Case(perspective_id, name, 16, questions) for name in (one, other))
        return compare(ours, theirs, lambda a, b: a.rate / b.rate)

    yield Goal("hits : bare Flask, throughput", rate(INDEXED, "hit", "bare_flask"), "≥", 0.7, "×")
    yield Goal("hits : FastAPI, an index serves the list", rate(INDEXED, "hit", "fastapi"), "≥", 2.8, "×")
    yield Goal("hits : FastAPI, no index serves the order", rate(SORTED, "hit", "fastapi"), "≥", 50, "×")
    yield Goal("hits : FastAPI, text search", rate(SEARCHED, "hit", "fastapi"), "≥", 50, "×")
    for questions, words in ((QUESTIONS, f"{QUESTIONS} questions in turn"), (1, "one question, shared")):
        ours, theirs = (Case(INDEXED, name, 16, questions) for name in ("miss", "fastapi"))
        throughput = rate(INDEXED, "miss", "fastapi", questions)
        yield Goal(f"misses : FastAPI, throughput, {words}", throughput, "≥", 1.0, "×")
        late = compare(ours, theirs, lambda a, b: a.p99 / b.p99)
        yield Goal(f"misses : FastAPI, p99, {words}", late, "≤", 1.0, "×")
    ours, theirs = (Case(INDEXED, name, 1) for name in ("hit", "bare_flask"))
    yield Goal(
        "one client, p50 of a hit minus bare Flask's",
        compare(ours, theirs, lambda a, b: a.p50 - b.p50),
        "≤",
        0.3,
        " ms",
    )


def judge_work(statements: float, scans: int) -> Iterator[Goal]:
    """What the database's own log and statistics say."""
    yield Goal("statements of a hit, from the standby's log", statements, "≤", 1, "")
    yield Goal(f"scans of tables and indexes in {HITS_COUNTED} hits", scans, "≤", 0, "")


def judge_times(times: Mapping[str, float]) -> Iterator[Goal]:
    """5,000 rows."""
    name = f"{MANY_ROWS:,} rows to the last byte : psql, the same SQL to /dev/null"
    yield Goal(name, times["ours"] / times["psql"], "≤", 1.3, "×")


def describe_conditions(options: argparse.Namespace, pair: Pair) -> dict[str, Any]:
    """What a reader must know to judge the figures."""
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
