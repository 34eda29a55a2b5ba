"""The predicate of a condition, an SQL truth value that can be negated and combined; and what it is written with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from tickiti_query.model.statement import Binds
from tickiti_query.model.token import Actor, User


class Relation(Enum):
    """The kinds of name: from a key to the ids, or e-mail addresses, that it stands for."""

    QUEUES_NAMED = "queues_named"  # name -> queue ids
    TEAMS_OF_EMAIL = "teams_of_email"  # e-mail address -> ids of the person's teams
    MEMBERS_OF_TEAM = "members_of_team"  # team id -> e-mail addresses
    INBOXES_OF_USER = "inboxes_of_user"  # user id -> ids of the queues that are an inbox
    WATCHLISTS_NAMED = "watchlists_named"  # name -> ids of watchlists, whoever may see them
    FEW_PARTICIPATIONS = "few_participations"  # e-mail address -> itself, where it takes part in few tickets


Key = tuple[Relation, str | int]
Found = Mapping[Key, tuple[str | int, ...]]


@dataclass(frozen=True, slots=True)
class ResolvedNames:
    """The ids that names stand for. A name that has not been resolved is noted in `missing`, and stands for nothing.

    A statement that was written while a name was missing must be written again once the name has been resolved.
    """

    found: Found = field(default_factory=dict)
    missing: set[Key] = field(default_factory=set)

    def find(self, relation: Relation, key: str | int) -> tuple[str | int, ...]:
        """Return what `key` stands for, in the order of the ids (or addresses); nothing where no row has it."""
        if (relation, key) not in self.found:
            self.missing.add((relation, key))
            return ()
        return self.found[relation, key]

    def find_ids(self, relation: Relation, key: str | int) -> tuple[int, ...]:
        """Return the ids that `key` stands for, in their order."""
        return tuple(each for each in self.find(relation, key) if isinstance(each, int))


@dataclass(frozen=True, slots=True)
class CompileContext:
    """The context in which a field writes its part of a statement.

    `actor` decides what may be seen (scope, internal notes). `subject` is the user of user-centric parts: the acting
    user, or the one that the perspective impersonates. `names` has what names stand for; `binds` takes the values,
    `joins` the JOIN clauses of relations that fields need, each once.
    """

    actor: Actor
    subject: User
    names: ResolvedNames = field(default_factory=ResolvedNames)
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
Fragment = str | Callable[[CompileContext], str]  # a piece of SQL; a text where it is the same in every context


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison of values with a ticket.

    `read` turns one JSON value into what `match` understands, and raises ValueError with a sentence that says
    what would be right. `match` answers the predicate "any of these values".
    """

    read: Callable[[object], Any]
    match: Callable[[Sequence[Any], CompileContext], Predicate]
