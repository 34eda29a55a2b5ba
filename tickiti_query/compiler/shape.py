"""From FROM to LIMIT: which tickets, in one of three shapes, each with the scope in its WHERE.

Plain is right for everything. The other two give the same rows where no index has the tickets in the wanted order,
but several together do: a queue at a time, or one side of a disjunction at a time. bench/README.md has the figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tickiti_query.compiler.order import DEFAULT_KEYS, SortKey, write_order
from tickiti_query.predicate import Predicate

TICKETS = "FROM tickets t\nJOIN ticket_queues q ON q.id = t.queue_id"
# What an index has in order within each queue; by other keys, the tickets of a small queue are sorted faster.
ORDERED_IN_A_QUEUE = ((), DEFAULT_KEYS)
MOST_ARMS = 12  # beyond it, one pass over the tickets is the better half


@dataclass(frozen=True, slots=True)
class Page:
    """What is to be listed: `scope` and `predicates` must all hold; `queue_scope` is the scope's part about queue `q`.

    `joins` are the clauses that predicates, keys or columns need; `are_joined`: some predicate needs one.
    """

    scope: tuple[str, ...]
    queue_scope: tuple[str, ...]
    predicates: tuple[Predicate, ...]
    are_joined: bool
    keys: tuple[SortKey, ...]
    joins: tuple[str, ...]
    limit: str


def write_page(page: Page) -> str:
    """The shape that fits."""
    if page.keys[0].by_queue and page.keys[1:] in ORDERED_IN_A_QUEUE:
        return write_by_queue(page)
    split = [predicate for predicate in page.predicates if 2 <= len(predicate.arms) <= MOST_ARMS]
    if split:
        # The last one is a search's, where there is one: it narrows the most.
        return write_arms(page, split[-1])
    if page.keys[0].splits and not page.are_joined:
        return write_key_arms(page)
    return write_plain(page)


def write_plain(page: Page) -> str:
    """All conditions in one WHERE."""
    return "\n".join([TICKETS, *page.joins, write_where(page), order_and_limit(page.keys, page)])


def write_by_queue(page: Page) -> str:
    """Ordered by queue first: the top of each queue, then the top of these."""
    inner = ["SELECT t.*", "FROM tickets t", *page.joins, f"{write_where(page)}\n  AND t.queue_id = q.id"]
    lateral = "\n".join([*inner, order_and_limit([key for key in page.keys if not key.by_queue], page)])
    return "\n".join(
        [
            "FROM ticket_queues q",
            f"CROSS JOIN LATERAL (\n{indent(lateral)}\n) t",
            *page.joins,
            *(f"WHERE {condition}" for condition in page.queue_scope),
            order_and_limit(page.keys, page),
        ]
    )


def write_arms(page: Page, split: Predicate) -> str:
    """The top of each side of a disjunction, then the top of these: the best of all are among the best of each."""
    others = [predicate.sql for predicate in page.predicates if predicate is not split]
    order = order_and_limit(page.keys, page)
    return unite(page, [write_arm(page, [*others, arm], order) for arm in split.arms])


def write_key_arms(page: Page) -> str:
    """Tickets that have a value of the first key, by it; then those that have none, by the other keys."""
    first, *others = page.keys
    conditions = [predicate.sql for predicate in page.predicates]
    having = write_arm(page, [*conditions, f"{first.sql} IS NOT NULL"], order_and_limit(page.keys, page))
    without = write_arm(page, [*conditions, f"{first.sql} IS NULL"], order_and_limit(others, page))
    return unite(page, [having, without])


def write_arm(page: Page, conditions: Sequence[str], order: str) -> str:
    """The ids of the best of one side."""
    where = "WHERE " + "\n  AND ".join([*page.scope, *conditions])
    return "\n".join(["SELECT t.id", TICKETS, *page.joins, where, order])


def unite(page: Page, arms: Sequence[str]) -> str:
    """Tickets of any arm, each once."""
    union = "\n) UNION ALL (\n".join(indent(arm) for arm in arms)
    where = "WHERE " + "\n  AND ".join([*page.scope, f"t.id IN ((\n{union}\n))"])
    return "\n".join([TICKETS, *page.joins, where, order_and_limit(page.keys, page)])


def write_where(page: Page) -> str:
    """The scope, and every predicate."""
    return "WHERE " + "\n  AND ".join([*page.scope, *(predicate.sql for predicate in page.predicates)])


def order_and_limit(keys: Sequence[SortKey], page: Page) -> str:
    """The last two clauses."""
    return f"ORDER BY {write_order(keys)}\nLIMIT {page.limit}"


def indent(text: str) -> str:
    """Set a part of the statement in."""
    return "\n".join(f"  {line}" for line in text.split("\n"))
