"""A question from the command line, read as the service reads a request: user, query, perspective and statement."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import psycopg2

from config.settings import Settings
from tickiti_query.catalogue.predicate import Names
from tickiti_query.cli.session import Arguments, CommandError, Refused
from tickiti_query.compiler.page import compile_query
from tickiti_query.compiler.rules import Search, read_criteria
from tickiti_query.http.body import make_body_parser
from tickiti_query.model.errors import PayloadTooLarge, QueryError, ReplicaUnavailable, ValidationFailed
from tickiti_query.model.perspective import Perspective, Selector, TicketQuery
from tickiti_query.model.request import LONGEST_BODY
from tickiti_query.model.statement import BIGINT, Source, Statement, read_digits
from tickiti_query.model.token import Actor, User
from tickiti_query.replica.connection import Target
from tickiti_query.replica.database_errors import describe_connect_error
from tickiti_query.replica.replica import Replica
from tickiti_query.reporting.contract_source import ContractSource
from tickiti_query.reporting.perspectives import find_perspective, resolve
from tickiti_query.reporting.tokens import VISIBLE_QUEUES

FIND_USERS = f"""
SELECT u.id, u.email, u.name, u.is_staff, u.is_active, u.sees_all_queues,
       {VISIBLE_QUEUES}
FROM users u
WHERE u.id = CAST(:id AS bigint) OR lower(u.email) COLLATE "C" = lower(CAST(:email AS text))
ORDER BY u.id
"""


@dataclass(frozen=True, slots=True)
class Question:
    """A query of `actor`, who is `asker` in words; its perspective, the names in it, and the statement of its rows."""

    actor: Actor
    asker: str
    query: TicketQuery
    perspective: Perspective
    searches: tuple[Search, ...]
    names: Names
    statement: Statement


def read_argument(text: str) -> str:
    """Return the argument, which must be a text that the replica can be asked for."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError("is not UTF-8") from None
    return text


QUESTION: Arguments = {
    "--user": {"required": True, "type": read_argument, "help": "who asks: an id, or an e-mail address"},
    "--perspective": {
        "type": read_argument,
        "help": "an id, or an exact name; wins over what the body selects (default: the body's, or All)",
    },
    "--body": {"metavar": "JSON", "help": "a body as the API takes it; @FILE reads it from a file"},
    "--row-limit": {"metavar": "N", "help": "how many rows; wins over the body's"},
}


@contextmanager
def open_replica(settings: Settings) -> Iterator[Replica]:
    """Yield the replica as the service has it. A QueryError in the block is raised as the command's own error."""
    replica = Replica(Target.of(settings), connections=1, require_standby=settings.require_standby)
    try:
        yield replica
    except QueryError as error:
        raise Refused(describe_error(error)) from error
    finally:
        replica.close()


def describe_error(error: QueryError) -> str:
    """Return the service's answer to an error in one line, with its cause.

    The cause is the reason for operators, or what the server says of a statement: libpq's own text may hold a secret.
    """
    message = error.message
    if isinstance(error, ValidationFailed):
        faults = (f"{path or 'the body'}: {' '.join(sentences)}" for path, sentences in sorted(error.errors.items()))
        message = "; ".join(faults)
    cause = str(error.__cause__ or "").partition("\n")[0]
    if isinstance(error, ReplicaUnavailable) and error.reason != error.message:
        cause = error.reason
    elif isinstance(error.__cause__, psycopg2.Error) and error.__cause__.pgcode is None:
        cause = describe_connect_error(error.__cause__)
    told = f" ({cause})" if cause and cause != error.message else ""
    return f"{error.status} {error.code}: {message}{told}"


def read_query(args: argparse.Namespace, settings: Settings) -> TicketQuery:
    """Return the query: the body, with what the arguments say instead. Raise QueryError or CommandError."""
    raw = read_body_argument(args.body or "")
    if len(raw) > LONGEST_BODY:
        raise PayloadTooLarge
    query = make_body_parser(settings.default_row_limit, settings.max_row_limit)(raw, "application/json")
    if args.perspective is not None:
        number = read_digits(args.perspective)
        name = args.perspective if number is None else None
        query = replace(query, selector=Selector(id=number, name=name))
    if args.row_limit is not None:
        limit = read_digits(args.row_limit)
        if limit is None or not 1 <= limit <= settings.max_row_limit:
            raise CommandError(f"--row-limit must be a whole number from 1 to {settings.max_row_limit}")
        query = replace(query, row_limit=limit)
    return query


def read_body_argument(text: str) -> bytes:
    """Return the bytes of the body. Raise CommandError for a file that cannot be read."""
    if not text.startswith("@"):
        return text.encode("utf-8", "surrogateescape")
    if text == "@":
        raise CommandError("--body: @ needs the name of a file behind it")
    try:
        with Path(text[1:]).open("rb") as file:
            return file.read(LONGEST_BODY + 1)  # enough to see that it is too long
    except OSError as error:
        raise CommandError(f"--body: {text[1:]} cannot be read: {error.strerror}") from error


def read_question(contract: ContractSource, who: str, query: TicketQuery) -> Question:
    """Return all that the service reads for a request, up to its statement. Raise QueryError or Refused."""
    actor, asker = find_asker(contract, who)
    searches = read_criteria(query.criteria)
    perspective = find_perspective(contract, query.selector, actor)
    resolve_names = partial(resolve, contract)
    statement, names = compile_query(perspective, searches, actor, query.row_limit, resolve_names)
    return Question(actor, asker, query, perspective, searches, names, contract.fit(statement))


def find_asker(source: Source, who: str) -> tuple[Actor, str]:
    """Return the user with this id or e-mail address, also in words. Raise Refused for none, or for more than one."""
    number = read_digits(who)
    user_id = number if number is not None and number in BIGINT else None
    email = who if number is None else None
    rows: list[Any] = source.fetch(Statement(FIND_USERS, (("id", user_id), ("email", email))))
    if not rows:
        raise Refused(f'there is no user "{who}"')
    if len(rows) > 1:
        ids = ", ".join(str(row[0]) for row in rows)
        raise Refused(f'several users have the address "{who}": name one of them by id, {ids}')
    number, email, name, is_staff, is_active, sees_all, queues = rows[0]
    staff = "staff" if is_staff else "not staff"
    inactive = "" if is_active else ", inactive: the service refuses this user's tokens"
    actor = Actor(User(number, email), is_staff, None if sees_all else tuple(queues))
    return actor, f"{number} {name} <{email}>, {staff}{inactive}"
