"""The statement of a page of a list, from SELECT to LIMIT, with the scope in its WHERE.

It has one of three shapes. Plain is right for everything. The other two give the same rows where no index has the
tickets in the wanted order, but several together do: a queue at a time, or one part of the list at a time.
bench/README.md has the figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tickiti_query.catalogue.field import Catalogue
from tickiti_query.catalogue.predicate import CompileContext, Fragment, Predicate
from tickiti_query.model.errors import UnsupportedPerspective
from tickiti_query.model.perspective import Order, Perspective

TICKETS = "FROM tickets t\nJOIN ticket_queues q ON q.id = t.queue_id"
DEFAULT = (Order("updated_at", ascending=False),)


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key as written. `by_queue`: it is the same for all tickets of a queue. `splits`: see field.Key."""

    sql: str
    ascending: bool
    nullable: bool = False
    splits: bool = False
    by_queue: bool = False


LAST = SortKey("t.id", ascending=False)
DEFAULT_KEYS = (SortKey("t.updated_at", ascending=False),)
# What an index has in order within each queue; by other keys, the tickets of a small queue are sorted faster.
ORDERED_IN_A_QUEUE = ((), DEFAULT_KEYS)
MOST_BRANCHES = 12  # beyond it, one pass over the tickets is the better half


def write_order(keys: Sequence[SortKey]) -> str:
    """Write the sort keys, and the ticket id behind them.

    NULL comes last either way; a key that is never NULL says nothing of it, so that any index fits.
    """
    return ", ".join(
        f"{key.sql} {'ASC' if key.ascending else 'DESC'}{' NULLS LAST' if key.nullable else ''}"
        for key in (*keys, LAST)
    )


def list_orders(perspective: Perspective) -> tuple[Order, ...]:
    """Return the orders of a perspective, or the default one. A field that ordered already orders nothing again."""
    first = {order.field: order for order in reversed(perspective.orders)}
    return tuple(dict.fromkeys(first[order.field] for order in perspective.orders)) or DEFAULT


def read_keys(perspective: Perspective, context: CompileContext, catalogue: Catalogue) -> tuple[SortKey, ...]:
    """Return one key for each order of the perspective, or the default one.

    UnsupportedPerspective for a field that does not order.
    """
    keys = []
    for order in list_orders(perspective):
        field = catalogue.fields.get(order.field)
        if field is None or field.order is None:
            raise UnsupportedPerspective(f'{perspective.title} orders by "{order.field}", which is not supported.')
        key, sql = field.order, write_fragment(field.order.sql, context)
        keys.append(SortKey(sql, order.ascending, key.nullable, key.splits, key.by_queue))
    return tuple(keys)


def write_fragment(fragment: Fragment, context: CompileContext) -> str:
    """Write a piece of SQL, which is a text where it is the same in every context."""
    return fragment if isinstance(fragment, str) else fragment(context)


def choose_columns(perspective: Perspective, catalogue: Catalogue) -> tuple[str, ...]:
    """Return the columns' names, in order, each once. Raise UnsupportedPerspective for a name that is no column."""
    for name in perspective.columns:
        if name not in catalogue.fields or catalogue.fields[name].column is None:
            raise UnsupportedPerspective(f'{perspective.title} has a column "{name}", which is not supported.')
    return tuple(dict.fromkeys((*catalogue.core, *perspective.columns)))


def write_select(columns: Sequence[str], context: CompileContext, catalogue: Catalogue) -> str:
    """Write the select list, one column a line."""
    written = []
    for name in columns:
        column = catalogue.fields[name].column
        assert column is not None, name  # noqa: S101  choose_columns has seen to it
        written.append(f"{write_fragment(column.sql, context)} AS {name}")
    return ",\n       ".join(written)


def write_scope(queues: Sequence[str]) -> tuple[str, ...]:
    """Write the conditions that always hold: no deleted tickets, no drafts, no queues that the actor cannot see."""
    return ("t.deleted_at IS NULL", "NOT t.is_draft", *(test.format("t.queue_id") for test in queues))


def write_queue_tests(predicates: Sequence[Predicate], context: CompileContext) -> tuple[str, ...]:
    """Write the visible queues as a condition on `{}`, a column with a queue's id; none where all queues are meant.

    Predicates that say no more than which queue it is are folded in: the set that is left is a subset of what the
    actor sees, and the planner can count its tickets.
    """
    scope = None if context.actor.queues is None else frozenset(context.actor.queues)
    excluded: frozenset[int] = frozenset()
    for queues in (predicate.queues for predicate in predicates):
        if queues is None:
            continue
        if queues.excluded:
            excluded |= queues.ids
        else:
            scope = queues.ids if scope is None else scope & queues.ids
    if scope is not None:
        return (write_queues(tuple(sorted(scope - excluded)), context),)
    return (f"NOT ({write_queues(tuple(sorted(excluded)), context)})",) if excluded else ()


def write_queues(queues: tuple[int, ...], context: CompileContext) -> str:
    """Write that the queue is one of these. One alone is an equality, which lets an index keep the order behind it."""
    if not queues:
        return "FALSE"
    if len(queues) == 1:
        return f"{{}} = {context.binds.add('queue', queues[0])}"
    return f"{{}} = ANY (CAST({context.binds.add('queues', queues)} AS bigint[]))"


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list: `queues`, as write_queue_tests writes them, and `predicates` must all hold.

    `joins` are the clauses that predicates, keys or columns need.
    """

    queues: tuple[str, ...]
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
            *(f"WHERE {test.format('q.id')}" for test in page.queues),
            order_and_limit(page.keys, page),
        ]
    )


def split_by_side(page: Page) -> list[Page]:
    """Return a part for each side of a disjunction. A ticket may be in several parts."""
    split = [
        predicate
        for predicate in page.predicates
        if 2 <= len(predicate.branches) <= MOST_BRANCHES and predicate.worth_splitting(page.keys[0].sql)
    ]
    if not split:
        return [page]
    chosen = split[-1]  # a search's, where there is one: it narrows the most
    others = tuple(predicate for predicate in page.predicates if predicate is not chosen)
    sides = [Predicate(side, selective=chosen.selective) for side in chosen.branches]
    return [replace(page, predicates=(*others, side)) for side in sides]


def split_by_value(page: Page) -> list[Page]:
    """Return the tickets that have a value of the first key, by it; then those that have none, by the other keys."""
    first, *others = page.keys
    if not first.splits or page.selective:
        return [page]
    some, none = Predicate(f"{first.sql} IS NOT NULL"), Predicate(f"{first.sql} IS NULL")
    return [
        replace(page, predicates=(*page.predicates, some)),
        replace(page, predicates=(*page.predicates, none), keys=tuple(others)),
    ]


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
    return "WHERE " + "\n  AND ".join([*write_scope(page.queues), *(predicate.sql for predicate in page.predicates)])


def order_and_limit(keys: Sequence[SortKey], page: Page) -> str:
    """Write the last two clauses."""
    return f"ORDER BY {write_order(keys)}\nLIMIT {page.limit}"


def indent(text: str) -> str:
    """Return a part of the statement, indented."""
    return "\n".join(f"  {line}" for line in text.split("\n"))
