"""The shapes of `bench.shapes`: a query, its SQL as a person would write it, and the reason for its time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.shape_hand import Hand
from tickiti_query.model.perspective import Condition, Criterion, Order, Perspective
from tickiti_query.model.token import User

ABSENT_WORD = "xylophonist"
SHORT_WORD = "zq"  # too short for a trigram, and in no text
TINY_QUEUE_NAME = "Archive of oddities"
TINY = "a tiny queue"  # what somebody sees who sees that one alone

# Reasons.
ELSEWHERE = "the condition is in one relation and the order in another: all matches are sorted, or the order is walked"
FEW_YET = "fewer than a page at 100,000 tickets: it grows to a page"
RECHECK = "trigrams find candidates; each is read and compared"
NO_TRIGRAM = "fewer than three letters make no trigram: everything is read"
WALK = "nearly everything is excluded: the order is walked to its end"
OTHER_ORDER = "no index has this order behind this condition: all matches are sorted, or the order is walked"
BY_QUEUE = "each queue is asked by itself, and there are few matches"
ALL_SIDES = "every side of a disjunction is read, where one pass would end soon"
APART = "what was read and what was not are sought apart, where there is little of either"
WHOLE_QUEUE = "a tiny queue is read as a whole, and it is fifty times as large among 5,000,000 tickets"
RARER = "a tiny queue is read as a whole, where the text is rarer still"
ALL_TIES = "everything that the person takes part in is gathered before the order is walked"
NO_MORE = "no more pages are read than among 100,000 tickets: it is their distance, or the work of a sort or hash"
TIES = "read backwards, an index has equal keys in the wrong order: each group of equals is sorted"
OTHER_COLLATION = "equal subjects are found by their trigrams; the index of subjects is in another collation"
UNEXPLAINED = "not explained"

TEXTS = {"subject", "content", "subject_content"}
BESIDE_TICKETS = {
    "hashtag",
    "participating",
    "retained",
    "unread",
    "recently_read",
    "watchlist",
    "last_read_at",
}

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


def tell_growth(conditions: Sequence[Condition], orders: Sequence[Order], criteria: Sequence[Criterion]) -> str:
    """Return the reason why a combination takes longer among more tickets."""
    has_text = any(each.operator in {"contains", "does not contain"} for each in conditions)
    if has_text or any(criterion.mode in TEXTS for criterion in criteria):
        return RECHECK
    fields = {condition.field for condition in conditions} | {order.field for order in orders}
    return ELSEWHERE if fields & BESIDE_TICKETS else OTHER_ORDER


def tell_behind(conditions: Sequence[Condition], orders: Sequence[Order]) -> str:
    """Return the reason why the compiler's form of a combination is slower than another."""
    first = orders[0].field if orders else ""
    if any(each.field == "for_attention" for each in conditions):
        return ALL_SIDES
    return {"queue": BY_QUEUE, "last_read_at": APART}.get(first, ALL_SIDES)
