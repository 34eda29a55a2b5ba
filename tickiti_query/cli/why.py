"""`why`: the truth for one ticket of all that a list asks, and the ticket's place in the list."""

import argparse
import sys
from collections.abc import Iterator

from psycopg2.errors import QueryCanceled

from tickiti_query.cli.question import QUESTION, Question, open_replica, read_query, read_question
from tickiti_query.cli.session import Arguments, CommandError, read_settings
from tickiti_query.cli.wording import describe_order, describe_part, describe_value
from tickiti_query.compiler.reasons import Reason, Reasons, compile_place, compile_reasons
from tickiti_query.model.statement import Source, read_digits
from tickiti_query.replica.execution import Transaction, deadline_from_now
from tickiti_query.reporting.contract_source import ContractSources

HELP = "say why a ticket is or is not in a list"
DESCRIPTION = """
Says in its first line whether a ticket is in the list that this user would get, and at which place; then line by line
whether it is what the list asks for: not deleted, not a draft, in a queue that the user sees, and each condition and
criterion with what the ticket has.
"""
EPILOG = """
Exit code: 0 whether or not the ticket is in the list; 1 where the service would answer with an error, or knows no
such user; 2 for wrong arguments or settings.
"""
ARGUMENTS: Arguments = QUESTION | {
    "--ticket": {"required": True, "metavar": "NUMBER", "help": "the number that people quote"}
}
Place = tuple[int, int] | None  # place and length of the list, where they could be counted


def run(args: argparse.Namespace) -> int:
    """Print the verdict and its reasons; 0, or CommandError."""
    settings = read_settings()
    number = read_digits(args.ticket)
    if number is None:
        raise CommandError("--ticket must be a ticket's number")
    with open_replica(settings) as replica:
        query = read_query(args, settings)

        def read(source: Transaction) -> tuple[Question, Reasons | None, Place]:
            contract = ContractSources().open(source)
            return judge(contract, read_question(contract, args.user, query), number)

        question, reasons, place = replica.read(read, deadline_from_now(replica.longest_read_seconds))
    lines = [f"There is no ticket {args.ticket}."]
    if reasons is not None:
        lines = [describe_verdict(args.ticket, question, reasons, place), *describe_reasons(reasons, question)]
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def judge(source: Source, question: Question, number: int) -> tuple[Question, Reasons | None, Place]:
    """Return the reasons, None for a ticket that is not there; and its place, where one could be counted."""
    asked = (question.perspective, question.searches, question.actor)
    statement, read = compile_reasons(*asked, number, question.names)
    rows = source.fetch(statement)
    if not rows:
        return question, None, None
    reasons = read(rows[0])
    if not reasons.is_listed:
        return question, reasons, None
    try:
        [place] = source.fetch(compile_place(*asked, reasons.ticket_id, question.names))
    except QueryCanceled:  # a very long list; the reasons are worth having without it
        return question, reasons, None
    return question, reasons, (place[0], place[1])


def describe_verdict(ticket: str, question: Question, reasons: Reasons, place: Place) -> str:
    """Return the first line: the ticket is in the list, or is not."""
    title, limit = question.perspective.title, question.query.row_limit
    if not reasons.is_listed:
        return f"Ticket {ticket} is not in the list of {title}."
    if place is None:
        return f"Ticket {ticket} is in the list of {title}; to count its place took too long."
    seen = "" if place[0] <= limit else f", beyond the row limit of {limit}"
    return f"Ticket {ticket} is in the list of {title}, at place {place[0]} of {place[1]}{seen}."


def describe_reasons(reasons: Reasons, question: Question) -> Iterator[str]:
    """Yield a line for each rule that must hold, one for each of several alternatives below it, and the order."""
    deleted = "" if reasons.is_not_deleted else f": deleted at {reasons.deleted_at}"
    yield judge_line(reasons.is_not_deleted, f"not deleted{deleted}")
    yield judge_line(reasons.is_not_draft, "not a draft")
    queue = "no such queue" if reasons.queue_name is None else reasons.queue_name
    yield judge_line(reasons.queue_name is not None, f"its queue exists: {queue} ({reasons.queue_id})")
    user = question.actor.user
    sees = "sees all queues" if question.actor.queues is None else "sees this queue"
    yield judge_line(reasons.is_in_scope, f"user {user.id} <{user.email}> {sees}")
    for ruling in reasons.rulings:
        if len(ruling.reasons) == 1:
            yield judge_line(ruling.holds, describe_reason(ruling.reasons[0]))
            continue
        yield judge_line(ruling.holds, "at least one of these:")
        for reason in ruling.reasons:
            yield f"       {judge_line(reason.holds, describe_reason(reason))}"
    for order, has in reasons.order:
        yield f"     order: {describe_order(order)}: {describe_value(has)}"


def describe_reason(reason: Reason) -> str:
    """Return a condition or criterion in words, and what the ticket has."""
    wording = describe_part(reason.part)
    if isinstance(reason.has, bool):
        return f"{wording}: for this ticket it is {str(reason.has).lower()}"
    return f"{wording}: the ticket has {describe_value(reason.has)}"


def judge_line(holds: bool, wording: str) -> str:
    """Return a wording with `yes` or `no` before it."""
    return f"{'yes' if holds else 'no':<4} {wording}"
