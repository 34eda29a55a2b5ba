"""`explain`: a perspective as a user has it, the SQL it becomes, and the plan that the replica makes of it."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest

from tickiti_query.cli.plan import find_growing_tables, list_scan_warnings
from tickiti_query.cli.question import QUESTION, Question, open_replica, read_query, read_question
from tickiti_query.cli.session import Arguments, read_settings
from tickiti_query.cli.wording import describe_order, describe_part, enumerate_all, quote
from tickiti_query.compiler.page import DEFAULT
from tickiti_query.model.errors import QueryTimeout
from tickiti_query.model.statement import Bind, Statement
from tickiti_query.replica.execution import Transaction, deadline_from_now
from tickiti_query.replica.replica import Replica
from tickiti_query.reporting.contract_source import ContractSources

HELP = "show a question's SQL and plan, and what in it grows"
DESCRIPTION = """
Prints who asks and what the perspective holds, the compiled SQL as a script for psql, the plan with timings and
buffers, and a warning for each scan that grows with the number of tickets. The statement is run once, read-only and
within TICKITI_STATEMENT_TIMEOUT_MS.
"""
EPILOG = """
Exit code: 0; 1 where the service would answer with an error, or knows no such user; 2 for wrong arguments or settings.
"""
ARGUMENTS: Arguments = QUESTION | {
    "--no-run": {"action": "store_true", "help": "show the plan without running the statement"}
}
QUEUES = """
SELECT q.id, q.name
FROM ticket_queues q
WHERE q.id = ANY (CAST(:queues AS bigint[]))
ORDER BY lower(q.name) COLLATE "C"
"""
MEASURED, ESTIMATED = "EXPLAIN (ANALYZE, BUFFERS)", "EXPLAIN"


def run(args: argparse.Namespace) -> int:
    """Print everything; 0, or CommandError."""
    settings = read_settings()
    with open_replica(settings) as replica:
        query = read_query(args, settings)

        def read(source: Transaction) -> tuple[Question, Mapping[int, str], Mapping[str, str]]:
            contract = ContractSources().open(source)
            question = read_question(contract, args.user, query)
            queues = contract.fetch(Statement(QUEUES, (("queues", question.actor.queues or ()),)))
            return question, dict(queues), find_growing_tables(source, settings.replica_schema)

        question, queues, tables = replica.read(read, deadline_from_now(replica.longest_read_seconds))
        print_lines(describe_question(question, queues))
        print_lines(["", f'-- SQL, for psql with search_path "{settings.replica_schema}"', ""])
        print_lines(write_script(question.statement).splitlines())
        timeout: QueryTimeout | None = None
        try:
            head = ESTIMATED if args.no_run else MEASURED
            plan = fetch_plan(replica, head, question.statement)
        except QueryTimeout as error:  # is raised when the estimated plan is printed
            timeout, head = error, ESTIMATED
            plan = fetch_plan(replica, head, question.statement)
        print_lines(["", f"-- {head}", "", *plan, ""])
        warnings = [f"warning: {line}" for line in list_scan_warnings(plan, question, tables)]
        print_lines(warnings or ["No scan is seen to grow with the number of tickets."])
        if timeout is not None:
            raise timeout
    return 0


def fetch_plan(replica: Replica, head: str, statement: Statement) -> Sequence[str]:
    """Return the lines of the plan."""
    explain = Statement(f"{head}\n{statement.sql}", statement.params)
    deadline = deadline_from_now(replica.longest_read_seconds)
    return [line for (line,) in replica.read(lambda source: source.fetch(explain), deadline)]


def describe_question(question: Question, queues: Mapping[int, str]) -> Iterator[str]:
    """Yield the question, one fact a line: the user, the perspective, its conditions, its order."""
    perspective, names = question.perspective, question.names
    subject = f"user {perspective.subject.id} <{perspective.subject.email}>" if perspective.subject else ""
    title = perspective.title.removeprefix("perspective ")
    queue_names = enumerate_all(f"{name} ({number})" for number, name in queues.items())
    orders = [*map(describe_order, perspective.orders or DEFAULT), "ticket_id descending"]
    facts = {
        "user": [question.asker],
        "queues": ["all" if question.actor.queues is None else queue_names],
        "perspective": [f"{title}, read as {subject or 'the acting user'}"],
        "conditions": [describe_part(condition) for condition in perspective.conditions],
        "criteria": [describe_part(search) for search in question.searches],
        "order": [", ".join(orders)],
        "columns": [enumerate_all(question.statement.columns)],
        "row limit": [str(question.query.row_limit)],
    }
    if question.query.ignored:
        facts["ignored"] = [enumerate_all(question.query.ignored)]
    facts["looked up"] = [
        f"{relation.value.replace('_', ' ')} {quote(key)}: {enumerate_all(map(str, found))}"
        for (relation, key), found in sorted(names.items(), key=str)
    ]
    for name, lines in facts.items():
        for label, line in zip_longest([name], lines or ["none"], fillvalue=""):
            yield f"{label:<12} {line}"


def write_script(statement: Statement) -> str:
    """Return a statement as a script that a person can paste into psql: `\\set` lines for its binds, then its text."""
    lines = []
    for name, value in statement.params:
        escaped = write_literal(value).replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n")
        lines.append(f"\\set {name} '{escaped}'")
    return "\n".join([*lines, f"{statement.sql.strip()};", ""])


def write_literal(value: Bind) -> str:
    """Return a value as SQL writes it."""
    if value is None:
        return "NULL"
    if isinstance(value, tuple):
        return f"ARRAY[{', '.join(map(write_literal, value))}]"
    if isinstance(value, int):
        return str(value)
    quoted = "'" + value.replace("'", "''") + "'"
    return "E" + quoted.replace("\\", "\\\\") if "\\" in quoted else quoted


def print_lines(lines: Iterable[str]) -> None:
    """Write lines to standard output, now: what comes later may be an error."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
