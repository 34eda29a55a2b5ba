"""The page of a list: a perspective, searches and an actor become one SELECT, with the actor's scope in its WHERE.

What is not understood is an error. A page has one of three shapes. The plain shape is right for everything. The other
two give the same rows sooner where no index has the tickets in the wanted order, but several together do: a queue at a
time, or one part of the list at a time. `python -m bench.shapes` measures them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from tickiti_query.catalogue.field import Column
from tickiti_query.catalogue.fields import CORE, FIELDS
from tickiti_query.catalogue.predicate import CompileContext, Fragment, Name, Names, Predicate
from tickiti_query.compiler.rules import Search, merge_conditions, read_rules
from tickiti_query.model.errors import UnsupportedPerspective
from tickiti_query.model.perspective import Order, Perspective
from tickiti_query.model.statement import Statement
from tickiti_query.model.token import Actor

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
# What an index has in order within each queue; by other keys, the tickets of a small queue are sorted faster.
ORDERED_IN_A_QUEUE = ((), (SortKey("t.updated_at", ascending=False),))
MOST_BRANCHES = 12  # with more, one pass over the tickets is faster


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list: `queues`, as write_queue_tests writes them, and `predicates` must all hold."""

    queues: tuple[str, ...]
    predicates: tuple[Predicate, ...]
    keys: tuple[SortKey, ...]
    joins: tuple[str, ...]  # that predicates, keys or columns need
    limit: str

    @property
    def selective(self) -> bool:
        """True where so few tickets match that all of them can be sorted."""
        return any(predicate.selective for predicate in self.predicates)


def compile_query(
    perspective: Perspective,
    searches: Sequence[Search],
    actor: Actor,
    row_limit: int,
    resolve: Callable[[Iterable[Name]], Names],
) -> tuple[Statement, Names]:
    """Return the statement whose rows are the answer, with one row more than `row_limit` where there are more.

    The rules are read a first time to find out which names they need. `resolve` is called with these, once, and only
    where there are any. The names that the statement was written with come beside it. Raise UnsupportedPerspective
    where the perspective has a field, operator, value, order or column that the catalogue does not know.
    """
    perspective = merge_conditions(perspective)
    names: Names = defaultdict(tuple)  # it notes each name that is looked up in it
    context, rules = read_rules(perspective, searches, actor, names)
    if names:
        names = resolve(names)
        context, rules = read_rules(perspective, searches, actor, names)
    predicates = [rule.predicate for rule in rules]
    keys = read_keys(perspective, context)
    columns = choose_columns(perspective)
    select = ",\n       ".join(f"{write_fragment(column.sql, context)} AS {name}" for name, column in columns.items())
    page = Page(
        queues=write_queue_tests(predicates, context),
        predicates=tuple(predicate for predicate in predicates if predicate.queues is None),
        keys=keys,
        joins=tuple(context.joins),
        limit=context.binds.add("limit", row_limit + 1),
    )
    return Statement(f"SELECT {select}\n{write_page(page)}", tuple(context.binds.params.items()), tuple(columns)), names


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
    first: dict[str, Order] = {}
    for order in perspective.orders:
        first.setdefault(order.field, order)
    return tuple(first.values()) or DEFAULT


def read_keys(perspective: Perspective, context: CompileContext) -> tuple[SortKey, ...]:
    """Return one key for each order that counts. Raise UnsupportedPerspective for a field that does not order."""
    keys = []
    for order in list_orders(perspective):
        field = FIELDS.get(order.field)
        if field is None or field.order is None:
            raise UnsupportedPerspective(f'{perspective.title} orders by "{order.field}", which is not supported.')
        key, sql = field.order, write_fragment(field.order.sql, context)
        keys.append(SortKey(sql, order.ascending, key.nullable, key.splits, key.by_queue))
    return tuple(keys)


def write_fragment(fragment: Fragment, context: CompileContext) -> str:
    """Write a piece of SQL, which is a text where it is the same in every context."""
    return fragment if isinstance(fragment, str) else fragment(context)


def choose_columns(perspective: Perspective) -> dict[str, Column]:
    """Return the columns by name, in order, each once. Raise UnsupportedPerspective for a name that is no column."""
    columns = {}
    for name in (*CORE, *perspective.columns):
        field = FIELDS.get(name)
        if field is None or field.column is None:
            raise UnsupportedPerspective(f'{perspective.title} has a column "{name}", which is not supported.')
        columns[name] = field.column
    return columns


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
    for queues in (predicate.queues for predicate in predicates if predicate.queues is not None):
        if queues.excluded:
            excluded |= queues.ids
        else:
            scope = queues.ids if scope is None else scope & queues.ids
    if scope is not None:
        return (write_queues(scope - excluded, context),)
    return (f"NOT ({write_queues(excluded, context)})",) if excluded else ()


def write_queues(queues: frozenset[int], context: CompileContext) -> str:
    """Write that the queue is one of these. One alone is an equality, which lets an index keep the order behind it."""
    if not queues:
        return "FALSE"
    if len(queues) == 1:
        return f"{{}} = {context.binds.add('queue', *queues)}"
    return f"{{}} = ANY (CAST({context.binds.add('queues', tuple(sorted(queues)))} AS bigint[]))"


def write_page(page: Page) -> str:
    """Write the page in the shape that fits it."""
    if page.keys[0].by_queue and page.keys[1:] in ORDERED_IN_A_QUEUE and not page.selective:
        return write_by_queue(page)
    parts = [part for side in split_by_side(page) for part in split_by_value(side)]
    return unite(page, parts) if len(parts) > 1 else write_plain(page)


def write_plain(page: Page) -> str:
    """Write the page with all conditions in one WHERE."""
    return "\n".join([TICKETS, *page.joins, write_where(page), write_end(page.keys, page.limit)])


def write_by_queue(page: Page) -> str:
    """Write a page that is ordered by queue first: the top of each queue, then the top of these."""
    inner = ["SELECT t.*", "FROM tickets t", *page.joins, f"{write_where(page)}\n  AND t.queue_id = q.id"]
    top_of_each = "\n".join([*inner, write_end(page.keys[1:], page.limit)])
    lateral = f"CROSS JOIN LATERAL (\n{indent(top_of_each)}\n) t"
    where = [f"WHERE {test.format('q.id')}" for test in page.queues]
    return "\n".join(["FROM ticket_queues q", lateral, *page.joins, *where, write_end(page.keys, page.limit)])


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
    best = f"SELECT DISTINCT ON ({each_once}) t.*\nFROM ((\n{union}\n)) t\n{write_end(keys, page.limit)}"
    queues = "JOIN ticket_queues q ON q.id = t.queue_id"
    return "\n".join([f"FROM (\n{indent(best)}\n) t", queues, *page.joins, f"ORDER BY {write_order(keys)}"])


def write_where(page: Page) -> str:
    """Write WHERE: the scope, and every predicate."""
    return "WHERE " + "\n  AND ".join([*write_scope(page.queues), *(predicate.sql for predicate in page.predicates)])


def write_end(keys: Sequence[SortKey], limit: str) -> str:
    """Write the last two clauses."""
    return f"ORDER BY {write_order(keys)}\nLIMIT {limit}"


def indent(text: str) -> str:
    """Return a part of the statement, indented."""
    return "\n".join(f"  {line}" for line in text.split("\n"))
