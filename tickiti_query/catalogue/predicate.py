"""The predicate of a condition: an SQL truth value that can be negated and combined."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tickiti_query.catalogue.resolved_names import ResolvedNames
from tickiti_query.model.actor import Actor, User
from tickiti_query.model.statement import Binds


class Joins:
    """The JOIN clauses of a statement beside tickets and queues, noted by the fields that need them."""

    def __init__(self) -> None:
        self._joins: dict[str, None] = {}

    def add(self, join: str) -> None:
        """Note a JOIN clause. A clause that is noted twice is joined once."""
        self._joins[join] = None

    @property
    def clauses(self) -> tuple[str, ...]:
        """The JOIN clauses, in the order in which they were noted."""
        return tuple(self._joins)


@dataclass(frozen=True, slots=True)
class CompileContext:
    """The context in which a field writes its part of a statement.

    `actor` decides what may be seen (scope, internal notes). `subject` is the user of user-centric parts: the acting
    user, or the one that the perspective impersonates. `names` has what names stand for; `binds` takes the values,
    `joins` the relations that fields need.
    """

    actor: Actor
    subject: User
    names: ResolvedNames = field(default_factory=ResolvedNames)
    binds: Binds = field(default_factory=Binds)
    joins: Joins = field(default_factory=Joins)


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


def join_any(predicates: Sequence[Predicate]) -> Predicate:
    """Return the predicate that one of them holds.

    It has branches where all of them have, and folds into the scope where all of them do.
    """
    if len(predicates) == 1:
        return predicates[0]
    joined = _join(" OR ", predicates)
    branches = tuple(branch for predicate in predicates for branch in predicate.branches)
    sets = [predicate.queues.ids for predicate in predicates if predicate.queues and not predicate.queues.excluded]
    return replace(
        joined,
        branches=branches if all(predicate.branches for predicate in predicates) else (),
        worth_splitting=predicates[0].worth_splitting,
        selective=all(predicate.selective for predicate in predicates),
        queues=QueueSet(frozenset().union(*sets)) if len(sets) == len(predicates) else None,
    )


def join_all(predicates: Sequence[Predicate]) -> Predicate:
    """Return the predicate that all hold. Its branches are those of the first, each with the others beside it."""
    if len(predicates) == 1:
        return predicates[0]
    first, *others = predicates
    rest = "".join(f" AND {predicate.sql}" for predicate in others)
    return replace(
        _join(" AND ", predicates),
        branches=tuple(f"({branch}{rest})" for branch in first.branches),
        worth_splitting=first.worth_splitting,
        selective=any(predicate.selective for predicate in predicates),
    )


def _join(word: str, predicates: Sequence[Predicate]) -> Predicate:
    sql = word.join(predicate.sql for predicate in predicates)
    return Predicate(f"({sql})", nullable=any(predicate.nullable for predicate in predicates))


Flag = Callable[[CompileContext], Predicate]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison of values with a ticket.

    `read` turns one JSON value into what `match` understands, and raises ValueError with a sentence that says
    what would be right. `match` answers the predicate "any of these values".
    """

    read: Callable[[object], Any]
    match: Callable[[Sequence[Any], CompileContext], Predicate]
