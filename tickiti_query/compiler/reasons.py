"""The reasons why a ticket is (not) in a list: a SELECT that asks of one ticket what the list's WHERE asks of all.

The truth of a condition is the predicate that the list is made with; nothing is decided here a second time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tickiti_query.catalogue.field import Field, write_moment
from tickiti_query.catalogue.fields import FIELDS
from tickiti_query.catalogue.predicate import CompileContext, Names
from tickiti_query.compiler import page
from tickiti_query.compiler.rules import Part, Rule, Search, merge_conditions, read_rules
from tickiti_query.model.perspective import Condition, Order, Perspective
from tickiti_query.model.statement import Row, Statement
from tickiti_query.model.token import Actor

Columns = dict[str, int]  # a select list that is being written: each expression once, with its place in a row
MOST_CONDITIONS = 500  # each has up to three columns in the statement, and PostgreSQL allows 1,664


@dataclass(frozen=True, slots=True)
class Reason:
    """A condition or criterion, whether it holds, and what the ticket has of it."""

    part: Part
    holds: bool
    has: Any


@dataclass(frozen=True, slots=True)
class Ruling:
    """The truth of a rule, and that of each of its alternatives."""

    holds: bool
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Reasons:
    """The truth of each rule for one ticket. `queue_name` is None where its queue does not exist."""

    ticket_id: int
    deleted_at: str | None
    queue_id: int
    queue_name: str | None
    is_not_deleted: bool
    is_not_draft: bool
    is_in_scope: bool
    rulings: tuple[Ruling, ...]
    order: tuple[tuple[Order, Any], ...]

    @property
    def is_listed(self) -> bool:
        """True where the ticket is in the list: all that must hold does."""
        scope = (self.is_not_deleted, self.is_not_draft, self.queue_name is not None, self.is_in_scope)
        return all(scope) and all(ruling.holds for ruling in self.rulings)


def compile_reasons(
    perspective: Perspective, searches: Sequence[Search], actor: Actor, number: int, names: Names
) -> tuple[Statement, Callable[[Row], Reasons]]:
    """Return the statement that asks for the truth of each rule for the ticket of this number, and its row's reader.

    There is no row where there is no such ticket. The question must be one that compile_query has taken, which refuses
    what is not supported.
    """
    if len(perspective.conditions) > MOST_CONDITIONS:
        perspective = merge_conditions(perspective)
    context, rules = read_rules(perspective, searches, actor, names)
    columns: Columns = {}
    not_deleted, not_draft, *in_scope = page.write_scope(page.write_queue_tests((), context))
    head = {
        "ticket_id": put("t.id", columns),
        "deleted_at": put(write_moment("t.deleted_at"), columns),
        "queue_id": put("t.queue_id", columns),
        "queue_name": put("q.name", columns),
        "is_not_deleted": put_truth(not_deleted, columns),
        "is_not_draft": put_truth(not_draft, columns),
        "is_in_scope": put_truth(in_scope[0] if in_scope else "TRUE", columns),
    }
    readers = [put_rule(rule, columns) for rule in rules]
    orders = perspective.orders or page.DEFAULT
    values = [(order, put_value(FIELDS[order.field], context, columns)) for order in orders]

    def read(row: Row) -> Reasons:
        return Reasons(
            **{name: row[place] for name, place in head.items()},
            rulings=tuple(reader(row) for reader in readers),
            order=tuple((order, row[place]) for order, place in values),
        )

    where = f"WHERE t.number = {context.binds.add('number', number)}\nORDER BY t.id\nLIMIT 1"
    tables = "FROM tickets t\nLEFT JOIN ticket_queues q ON q.id = t.queue_id"
    select = ",\n       ".join(columns)
    sql = "\n".join([f"SELECT {select}", tables, *context.joins, where])
    return Statement(sql, tuple(context.binds.params.items())), read


def put(sql: str, columns: Columns) -> int:
    """Put an expression into the select list, once, and return its place."""
    return columns.setdefault(sql, len(columns))


def put_truth(sql: str, columns: Columns) -> int:
    """Put a predicate into the select list, with NULL as no, and return its place."""
    return put(f"({sql}) IS TRUE", columns)


def put_value(field: Field, context: CompileContext, columns: Columns) -> int:
    """Put the ticket's value of a field into the select list, and return its place."""
    source = field.column or field.order
    fragment = field.shows or (source.sql if source else None)
    assert fragment is not None, field.name  # noqa: S101  every field that is asked for shows something
    return put(page.write_fragment(fragment, context), columns)


def put_rule(rule: Rule, columns: Columns) -> Callable[[Row], Ruling]:
    """Put a rule into the select list, and return the reader of its truth."""
    alternatives = [
        (part, put_truth(predicate.sql, columns), put_value(find_field(part), rule.context, columns))
        for part, predicate in rule.alternatives
    ]
    truth = put_truth(rule.predicate.sql, columns)
    return lambda row: Ruling(row[truth], tuple(Reason(part, row[at], row[has]) for part, at, has in alternatives))


def find_field(part: Part) -> Field:
    """Return the field of a condition or criterion."""
    if isinstance(part, Condition):
        return FIELDS[part.field]
    return next(field for field in FIELDS.values() if part.mode in field.modes)


def compile_place(
    perspective: Perspective, searches: Sequence[Search], actor: Actor, ticket_id: int, names: Names
) -> Statement:
    """Return the statement of the ticket's place in the whole list, and of the list's length.

    It has no row for a ticket that is not listed. It reads the whole list, and takes the longer the longer that is.
    """
    context, rules = read_rules(merge_conditions(perspective), searches, actor, names)
    predicates = [rule.predicate for rule in rules]
    keys = page.read_keys(perspective, context)
    conditions = [predicate.sql for predicate in predicates if predicate.queues is None]
    where = "\n    AND ".join([*page.write_scope(page.write_queue_tests(predicates, context)), *conditions])
    tables = "\n  ".join([*page.TICKETS.split("\n"), *context.joins])
    places = f"row_number() OVER (ORDER BY {page.write_order(keys)}) AS place, count(*) OVER () AS length"
    inner = f"  SELECT t.id, {places}\n  {tables}\n  WHERE {where}"
    ticket = context.binds.add("ticket", ticket_id)
    sql = f"SELECT l.place, l.length\nFROM (\n{inner}\n) l\nWHERE l.id = {ticket}"
    return Statement(sql, tuple(context.binds.params.items()))
