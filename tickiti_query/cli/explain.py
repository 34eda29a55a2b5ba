"""`explain`: a perspective as a user has it, the SQL it becomes, and the plan that the replica makes of it."""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tickiti_query.cli.psql_script import write_script
from tickiti_query.cli.question import Question, add_question, open_contract, open_replica, read_query, read_question
from tickiti_query.cli.scan_warnings import find_growing_tables, list_scan_warnings
from tickiti_query.cli.session import read_settings
from tickiti_query.cli.wording import describe_condition, describe_order, describe_search, enumerate_all, quote
from tickiti_query.compiler.page import DEFAULT
from tickiti_query.model.errors import QueryTimeout
from tickiti_query.model.statement import Statement
from tickiti_query.replica.execution import Transaction, deadline_from_now
from tickiti_query.replica.replica import Replica

DESCRIPTION = """
Prints who asks and what the perspective holds, the compiled SQL as a script for psql, the plan with timings and
buffers, and a warning for each scan that grows with the number of tickets. The statement is run once, read-only and
within TICKITI_STATEMENT_TIMEOUT_MS.
"""
EPILOG = """
Exit code: 0; 1 where the service would answer with an error, or knows no such user; 2 for wrong arguments or settings.
"""
QUEUES = """
SELECT q.id, q.name
FROM ticket_queues q
WHERE q.id = ANY (CAST(:queues AS bigint[]))
ORDER BY lower(q.name) COLLATE "C"
"""
MEASURED, ESTIMATED = "EXPLAIN (ANALYZE, BUFFERS)", "EXPLAIN"


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "explain", help="show a question's SQL and plan, and what in it grows", description=DESCRIPTION, epilog=EPILOG
    )
    add_question(parser)
    parser.add_argument("--no-run", action="store_true", help="show the plan without running the statement")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print everything; 0, or CommandError."""
    settings = read_settings()
    with open_replica(settings) as replica:
        query = read_query(args, settings)

        def read(source: Transaction) -> tuple[Question, Mapping[int, str], Mapping[str, str]]:
            contract = open_contract(source)
            question = read_question(contract, args.user, query)
            wanted = (("queues", question.asker.actor.queues or ()),)
            queues: dict[int, str] = dict(contract.fetch(Statement(QUEUES, wanted)))
            return question, queues, find_growing_tables(source, settings.replica_schema)

        question, queues, tables = replica.read(read, deadline_from_now(replica.longest_read_seconds))
        print_lines(describe_question(question, queues))
        print_lines(["", f'-- SQL, for psql with search_path "{settings.replica_schema}"', ""])
        print_lines(write_script(question.statement).splitlines())
        plan_and_warn(replica, question, tables, is_run=not args.no_run)
    return 0


def plan_and_warn(replica: Replica, question: Question, tables: Mapping[str, str], *, is_run: bool) -> None:
    """Print the plan, and what grows in it. QueryTimeout after an estimated one, where running took too long."""
    timeout: QueryTimeout | None = None
    try:
        head = MEASURED if is_run else ESTIMATED
        plan = fetch_plan(replica, head, question.statement)
    except QueryTimeout as error:
        timeout, head = error, ESTIMATED
        plan = fetch_plan(replica, head, question.statement)
    print_lines(["", f"-- {head}", "", *plan, ""])
    warnings = [f"warning: {line}" for line in list_scan_warnings(plan, question, tables)]
    print_lines(warnings or ["No scan is seen to grow with the number of tickets."])
    if timeout is not None:
        raise timeout


def fetch_plan(replica: Replica, head: str, statement: Statement) -> Sequence[str]:
    """Return the lines of the plan."""
    explain = Statement(f"{head}\n{statement.sql}", statement.params)
    deadline = deadline_from_now(replica.longest_read_seconds)
    return [line for (line,) in replica.read(lambda source: source.fetch(explain), deadline)]


def describe_question(question: Question, queues: Mapping[int, str]) -> Iterator[str]:
    """Yield the question, one fact a line: the user, the perspective, its conditions, its order."""
    perspective, actor = question.perspective, question.asker.actor
    subject = f"user {perspective.subject.id} <{perspective.subject.email}>" if perspective.subject else ""
    title = perspective.title.removeprefix("perspective ")
    queue_names = enumerate_all(f"{name} ({number})" for number, name in queues.items())
    yield from label_lines("user", [str(question.asker)])
    yield from label_lines("queues", ["all" if actor.queues is None else queue_names])
    yield from label_lines("perspective", [f"{title}, read as {subject or 'the acting user'}"])
    yield from label_lines("conditions", [describe_condition(each) for each in perspective.conditions])
    yield from label_lines("criteria", [describe_search(search) for search in question.searches])
    orders = [describe_order(each) for each in perspective.orders or DEFAULT]
    yield from label_lines("order", [", ".join([*orders, "ticket_id descending"])])
    yield from label_lines("columns", [enumerate_all(question.statement.columns)])
    yield from label_lines("row limit", [str(question.query.row_limit)])
    if question.query.ignored:
        yield from label_lines("ignored", [enumerate_all(question.query.ignored)])
    names = [
        f"{relation.value.replace('_', ' ')} {quote(key)}: {enumerate_all(map(str, found))}"
        for (relation, key), found in sorted(question.names.found.items(), key=str)
    ]
    yield from label_lines("looked up", names)


def label_lines(name: str, lines: Sequence[str]) -> Iterator[str]:
    """Yield lines with a name in front of the first."""
    for place, line in enumerate(lines or ["none"]):
        yield f"{name if place == 0 else '':<12} {line}"


def print_lines(lines: Iterator[str] | Sequence[str]) -> None:
    """Write lines to standard output, now: what comes later may be an error."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
