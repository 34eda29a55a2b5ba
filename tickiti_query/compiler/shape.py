"""The statement from FROM to LIMIT, in one of three shapes, each with the scope in its WHERE.

Plain is right for everything. The other two give the same rows where no index has the tickets in the wanted order,
but several together do: a queue at a time, or one part of the list at a time. bench/README.md has the figures.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tickiti_query.catalogue.predicate import Predicate
from tickiti_query.compiler.order import DEFAULT_KEYS, LAST, SortKey, write_order

TICKETS = "FROM tickets t\nJOIN ticket_queues q ON q.id = t.queue_id"
# What an index has in order within each queue; by other keys, the tickets of a small queue are sorted faster.
ORDERED_IN_A_QUEUE = ((), DEFAULT_KEYS)
MOST_BRANCHES = 12  # beyond it, one pass over the tickets is the better half


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list: `scope` and `predicates` must all hold; `queue_scope` is the scope's part about queue `q`.

    `joins` are the clauses that predicates, keys or columns need.
    """

    scope: tuple[str, ...]
    queue_scope: tuple[str, ...]
    predicates: tuple[Predicate, ...]
    keys: tuple[SortKey, ...]
    joins: tuple[str, ...]
    limit: str

    @property
    def selective(self) -> bool:
        """True where so few tickets match that all of them can be sorted."""
        return any(predicate.selective for predicate in self.predicates)


def write_page(page: Page) -> str:
    """Write the page in the shape that fits it."""
    if page.keys[0].by_queue and page.keys[1:] in ORDERED_IN_A_QUEUE and not page.selective:
        return write_by_queue(page)
    parts = [part for side in split_by_side(page) for part in split_by_value(side)]
    return unite(page, parts) if len(parts) > 1 else write_plain(page)


def write_plain(page: Page) -> str:
    """Write the page with all conditions in one WHERE."""
    return "\n".join([TICKETS, *page.joins, write_where(page), order_and_limit(page.keys, page)])


def write_by_queue(page: Page) -> str:
    """Write a page that is ordered by queue first: the top of each queue, then the top of these."""
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


def split_by_side(page: Page) -> Iterator[Page]:
    """Yield a part for each side of a disjunction. A ticket may be in several parts."""
    split = [
        predicate
        for predicate in page.predicates
        if 2 <= len(predicate.branches) <= MOST_BRANCHES and predicate.worth_splitting(page.keys[0].sql)
    ]
    if not split:
        yield page
        return
    chosen = split[-1]  # a search's, where there is one: it narrows the most
    others = tuple(predicate for predicate in page.predicates if predicate is not chosen)
    for side in chosen.branches:
        yield replace(page, predicates=(*others, Predicate(side, selective=chosen.selective)))


def split_by_value(page: Page) -> Iterator[Page]:
    """Yield the tickets that have a value of the first key, by it; then those that have none, by the other keys."""
    first, *others = page.keys
    if not first.splits or page.selective:
        yield page
        return
    yield replace(page, predicates=(*page.predicates, Predicate(f"{first.sql} IS NOT NULL")))
    yield replace(page, predicates=(*page.predicates, Predicate(f"{first.sql} IS NULL")), keys=tuple(others))


def unite(page: Page, parts: Sequence[Page]) -> str:
    """Write the top of each part, then the top of these: the best of all are among the best of each.

    A ticket that is in two parts comes twice in a row, for the id is the last key, and is taken once. Parts in the
    order of an index are merged, and none is read further than the page needs.
    """
    values = ", ".join(f"{key.sql} AS key_{number}" for number, key in enumerate(page.keys, start=1))
    branches = [f"SELECT t.*, {values}\n{write_plain(part)}" for part in parts]
    union = "\n) UNION ALL (\n".join(indent(branch) for branch in branches)
    keys = [replace(key, sql=f"t.key_{number}") for number, key in enumerate(page.keys, start=1)]
    each_once = ", ".join(key.sql for key in (*keys, LAST))
    best = f"SELECT DISTINCT ON ({each_once}) t.*\nFROM ((\n{union}\n)) t\n{order_and_limit(keys, page)}"
    queues = "JOIN ticket_queues q ON q.id = t.queue_id"
    return "\n".join([f"FROM (\n{indent(best)}\n) t", queues, *page.joins, f"ORDER BY {write_order(keys)}"])


def write_where(page: Page) -> str:
    """Write WHERE: the scope, and every predicate."""
    return "WHERE " + "\n  AND ".join([*page.scope, *(predicate.sql for predicate in page.predicates)])


def order_and_limit(keys: Sequence[SortKey], page: Page) -> str:
    """Write the last two clauses."""
    return f"ORDER BY {write_order(keys)}\nLIMIT {page.limit}"


def indent(text: str) -> str:
    """Return a part of the statement, indented."""
    return "\n".join(f"  {line}" for line in text.split("\n"))
