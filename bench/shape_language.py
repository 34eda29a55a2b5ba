"""What a shape of `bench.shapes` is: what is asked, how a person would write it, and what we know of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.shape_hand import Hand
from tickiti_query.actor import User
from tickiti_query.perspective import Condition, Order, Perspective
from tickiti_query.search import Criterion

ABSENT_WORD = "xylophonist"
SHORT_WORD = "zq"  # too short for a trigram, and in no text
TINY_QUEUE_NAME = "Archive of oddities"

# Reasons.
ELSEWHERE = "the condition is in one relation and the order in another: all matches are sorted, or the order is walked"
FEW_YET = "fewer than a page at 100,000 tickets: it grows to a page"
RECHECK = "trigrams find candidates; each is read and compared"
NO_TRIGRAM = "fewer than three letters make no trigram: everything is read"
WALK = "nearly everything is excluded: the order is walked to its end"
OTHER_ORDER = "no index has this order behind this condition: all matches are sorted, or the order is walked"
ANY_ATTENTION = "somebody who sees everything and has little for attention: all unclosed tickets are passed"
BY_QUEUE = "each queue is asked by itself, and there are few matches"
ALL_SIDES = "every side of a disjunction is read, where one pass over a small queue would do"

HandWritten = Callable[[Hand], list[str]]


@dataclass(frozen=True)
class Shape:
    """One query. `hand` writes rivals; where it is None the plain statement is the only one."""

    group: str
    title: str
    conditions: tuple[Condition, ...] = ()
    orders: tuple[Order, ...] = ()
    columns: tuple[str, ...] = ()
    criteria: tuple[Criterion, ...] = ()
    subject: User | None = None
    hand: HandWritten | None = None
    why: str = ""
    why_behind: str = ""

    @property
    def perspective(self) -> Perspective:
        return Perspective(1, self.title, self.conditions, self.orders, self.columns, self.subject)


def where(field: str, operator: str, *values: object) -> Condition:
    return Condition(field, operator, values)


def sort(*fields: str) -> tuple[Order, ...]:
    """Orders; one that starts with a minus runs downwards."""
    return tuple(Order(field.removeprefix("-"), not field.startswith("-")) for field in fields)


def search(mode: str, *tokens: str | int, match: str = "all") -> Criterion:
    return Criterion(mode, tokens, match)
