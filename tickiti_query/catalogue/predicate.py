"""The predicate of a condition, an SQL truth value that is negated and combined; and the context that it is written in.

Text compares by the database's own `lower()` on both sides, never by this program's: they differ outside ASCII. Each
`match_…` answers "any of these values" (docs/perspectives.md).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from tickiti_query.model.statement import BIGINT, Binds
from tickiti_query.model.token import Actor, User

FOLDED = "lower(CAST({} AS text))"
FEW_PATTERNS = 8  # that many are planned one by one, each with an index of its own; more are one comparison


class Relation(Enum):
    """The kinds of name: from a key to the ids, or e-mail addresses, that it stands for."""

    QUEUES_NAMED = "queues_named"  # name -> queue ids
    TEAMS_OF_EMAIL = "teams_of_email"  # e-mail address -> ids of the person's teams
    MEMBERS_OF_TEAM = "members_of_team"  # team id -> e-mail addresses
    INBOXES_OF_USER = "inboxes_of_user"  # user id -> ids of the queues that are an inbox
    WATCHLISTS_NAMED = "watchlists_named"  # name -> ids of watchlists, whoever may see them
    FEW_PARTICIPATIONS = "few_participations"  # e-mail address -> itself, where it takes part in few tickets


Name = tuple[Relation, str | int]
Names = Mapping[Name, tuple[Any, ...]]  # what each name stands for, in the order of the ids (or addresses)


@dataclass(frozen=True, slots=True)
class CompileContext:
    """The context in which a field writes its part of a statement.

    `actor` decides what may be seen (scope, internal notes). `subject` is the user of user-centric parts: the acting
    user, or the one that the perspective impersonates. `names` has what names stand for; `binds` takes the values,
    `joins` the JOIN clauses of relations that fields need, each once.
    """

    actor: Actor
    subject: User
    names: Names
    binds: Binds = field(default_factory=Binds)
    joins: dict[str, None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QueueSet:
    """A set of queues: `ids`, or all but these where `excluded`."""

    ids: frozenset[int]
    excluded: bool = False


@dataclass(frozen=True, slots=True)
class Predicate:
    """An SQL truth value about ticket `t` in queue `q`.

    `nullable`: it may be NULL, which means no. `queues`: the predicate is about the queue alone, and holds for these
    queues, so that it can be folded into the scope. `branches`: the sides of a disjunction, where each side has an
    index of its own and the whole has none; they can be read apart and united. `worth_splitting` takes the first key
    of an order, and returns whether that is faster. `selective`: it holds for as many tickets at the most as one person
    or one list has.
    """

    sql: str
    nullable: bool = False
    queues: QueueSet | None = None
    branches: tuple[str, ...] = ()
    worth_splitting: Callable[[str], bool] = lambda _key: True
    selective: bool = False

    def negate(self) -> "Predicate":
        """Return the complement: true for exactly the tickets for which this one is not true, NULL included."""
        if self.nullable:
            return Predicate(f"({self.sql}) IS NOT TRUE")
        queues = QueueSet(self.queues.ids, not self.queues.excluded) if self.queues else None
        return Predicate(f"NOT ({self.sql})", queues=queues)


Flag = Callable[[CompileContext], Predicate]
Fragment = str | Callable[[CompileContext], str]  # a piece of SQL; a text where it is the same in every context


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison of values with a ticket.

    `read` turns one JSON value into what `match` understands, and raises ValueError with a sentence that says what
    would be right. `match` answers the predicate "any of these values".
    """

    read: Callable[[object], Any]
    match: Callable[[Sequence[Any], CompileContext], Predicate]


def join_any(predicates: Sequence[Predicate]) -> Predicate:
    """Return the predicate that one of them holds. It has branches, and folds into the scope, where all of them do."""
    if len(predicates) == 1:
        return predicates[0]
    branches = tuple(branch for predicate in predicates for branch in predicate.branches)
    sets = [predicate.queues.ids for predicate in predicates if predicate.queues and not predicate.queues.excluded]
    return Predicate(
        f"({' OR '.join(predicate.sql for predicate in predicates)})",
        nullable=any(predicate.nullable for predicate in predicates),
        queues=QueueSet(frozenset().union(*sets)) if len(sets) == len(predicates) else None,
        branches=branches if all(predicate.branches for predicate in predicates) else (),
        worth_splitting=predicates[0].worth_splitting,
        selective=all(predicate.selective for predicate in predicates),
    )


def join_all(predicates: Sequence[Predicate]) -> Predicate:
    """Return the predicate that all hold. Its branches are those of the first, each with the others beside it."""
    if len(predicates) == 1:
        return predicates[0]
    first, *others = predicates
    rest = "".join(f" AND {predicate.sql}" for predicate in others)
    return Predicate(
        f"({first.sql}{rest})",
        nullable=any(predicate.nullable for predicate in predicates),
        branches=tuple(f"({branch}{rest})" for branch in first.branches),
        worth_splitting=first.worth_splitting,
        selective=any(predicate.selective for predicate in predicates),
    )


def equals_any(expression: str, values: Sequence[str]) -> str:
    """Write `expression = value`, or `expression IN (values)`. Nothing equals one of no values."""
    if not values:
        return "FALSE"
    return f"{expression} = {values[0]}" if len(values) == 1 else f"{expression} IN ({', '.join(values)})"


def bind_all(form: str, name: str, values: Iterable[str | int], context: CompileContext) -> list[str]:
    """Write each value once, as a bind in this form."""
    return [form.format(context.binds.add(name, value)) for value in dict.fromkeys(values)]


def match_text(sql: str, name: str, values: Sequence[str], context: CompileContext) -> Predicate:
    """Match tickets whose text is one of the values, without case. NULL is no text; a view may have it anywhere."""
    return Predicate(equals_any(f'lower({sql}) COLLATE "C"', bind_all(FOLDED, name, values, context)), nullable=True)


def match_person(sql: str, name: str, values: Sequence[str], context: CompileContext) -> Predicate:
    """Match tickets as match_text does, for a column whose index has each person's tickets by update."""
    branches = tuple(f'lower({sql}) COLLATE "C" = {key}' for key in bind_all(FOLDED, name, values, context))
    found = match_text(sql, name, values, context)
    return replace(found, branches=branches, worth_splitting=is_by_update, selective=True)


def is_by_update(key: str) -> bool:
    """Return True where the first key of an order is the time when the ticket was updated."""
    return key == "t.updated_at"


def contain_text(sql: str, name: str, values: Sequence[str], context: CompileContext) -> Predicate:
    """Match tickets whose text has one of the values in it, without case. `%`, `_` and `\\` are plain characters."""
    escaped = (value.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") for value in values)
    patterns = bind_all(FOLDED, name, (f"%{value}%" for value in escaped), context)
    if len(patterns) > FEW_PATTERNS:  # and the text is folded once, not for each of them
        return Predicate(f"lower({sql}) LIKE ANY (ARRAY[{', '.join(patterns)}])", nullable=True)
    return join_any([Predicate(f"lower({sql}) LIKE {each}", nullable=True) for each in patterns])


def match_exactly(sql: str, name: str, values: Sequence[str], context: CompileContext) -> Predicate:
    """Match tickets whose text is one of the values, to the letter."""
    return Predicate(equals_any(sql, bind_all("CAST({} AS text)", name, values, context)))


def match_number(sql: str, name: str, values: Sequence[int], context: CompileContext) -> Predicate:
    """Match tickets whose number is one of the values. No ticket has a value beyond 64 bits."""
    small = (value for value in values if value in BIGINT)
    return Predicate(equals_any(sql, bind_all("{}", name, small, context)))


def match_moment(bound: str, name: str, values: Sequence[str], context: CompileContext) -> Predicate:
    """Match tickets for which `bound`, such as `t.created_at >= {}`, holds with one of the times."""
    times = bind_all("CAST({} AS timestamp)", name, values, context)
    return join_any([Predicate(bound.format(each)) for each in times])


def match_flag(flag: Flag, values: Sequence[bool], context: CompileContext) -> Predicate:
    """Match tickets whose flag has one of the values."""
    if len(set(values)) == 2:
        flag(replace(context, binds=Binds(), joins={}))  # notes the names that an explanation of the list needs
        return Predicate("TRUE")
    predicate = flag(context)
    return predicate if values[0] else predicate.negate()
