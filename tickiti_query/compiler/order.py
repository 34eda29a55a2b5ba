"""ORDER BY: the perspective's keys, and always the ticket id as the last one, so that the order is total."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tickiti_query.catalogue.field import Catalogue
from tickiti_query.catalogue.predicate import CompileContext
from tickiti_query.model.errors import UnsupportedPerspective
from tickiti_query.model.perspective import Order, Perspective

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


def read_keys(perspective: Perspective, context: CompileContext, catalogue: Catalogue) -> Iterator[SortKey]:
    """Yield one key for each order of the perspective, or the default one.

    UnsupportedPerspective for a field that does not order.
    """
    for order in list_orders(perspective):
        field = catalogue.fields.get(order.field)
        if field is None or field.order is None:
            raise UnsupportedPerspective(f'{perspective.title} orders by "{order.field}", which is not supported.')
        sql = field.order.sql(context)
        yield SortKey(sql, order.ascending, field.order.nullable, field.order.splits, field.order.by_queue)
