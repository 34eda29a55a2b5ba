"""What a condition becomes: an SQL truth value, and how it is negated, combined and read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tickiti_query.actor import Actor, User
from tickiti_query.directory import Directory
from tickiti_query.statement import Binds


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """From where a field is looked at while a statement is written.

    `actor` decides what may be seen (scope, internal notes); `subject` is whom user-centric parts are about:
    the acting user, or the one that the perspective impersonates. `directory` knows what names stand for;
    `binds` takes the values.
    """

    actor: Actor
    subject: User
    directory: Directory = field(default_factory=Directory)
    binds: Binds = field(default_factory=Binds)


@dataclass(frozen=True, slots=True)
class QueueSet:
    """The queue is one of `ids`; where `excluded`, it is none of them."""

    ids: frozenset[int]
    excluded: bool = False


@dataclass(frozen=True, slots=True)
class Predicate:
    """An SQL truth value about ticket `t` in queue `q`.

    `nullable`: it may be NULL, which means no. `queues`: it says of the queue just this, and of the rest of the
    ticket nothing, so that it can be folded into the scope.
    """

    sql: str
    nullable: bool = False
    queues: QueueSet | None = None

    def negate(self) -> "Predicate":
        """The complement: true for exactly the tickets for which this is not true, NULL included."""
        if self.nullable:
            return Predicate(f"({self.sql}) IS NOT TRUE")
        queues = QueueSet(self.queues.ids, not self.queues.excluded) if self.queues else None
        return Predicate(f"NOT ({self.sql})", queues=queues)


def join_any(predicates: Sequence[Predicate]) -> Predicate:
    """At least one of them."""
    joined = _join(" OR ", predicates)
    sets = [
        predicate.queues for predicate in predicates if predicate.queues and not predicate.queues.excluded
    ]
    if len(sets) < len(predicates):
        return joined if len(predicates) == 1 else Predicate(joined.sql, joined.nullable)
    return Predicate(joined.sql, queues=QueueSet(frozenset().union(*(each.ids for each in sets))))


def join_all(predicates: Sequence[Predicate]) -> Predicate:
    """Every one of them."""
    return _join(" AND ", predicates)


def _join(word: str, predicates: Sequence[Predicate]) -> Predicate:
    if len(predicates) == 1:
        return predicates[0]
    return Predicate(
        f"({word.join(predicate.sql for predicate in predicates)})",
        nullable=any(predicate.nullable for predicate in predicates),
    )


@dataclass(frozen=True, slots=True)
class Comparison:
    """How values are compared with a ticket.

    `read` turns one JSON value into what `match` understands, and raises ValueError with a sentence that says
    what would be right. `match` answers the predicate "any of these values".
    """

    read: Callable[[object], Any]
    match: Callable[[Sequence[Any], Viewpoint], Predicate]
