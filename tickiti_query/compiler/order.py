"""ORDER BY: the perspective's keys, and always the ticket id as the last one, so that the order is total."""

from collections.abc import Iterator

from tickiti_query.errors import UnsupportedPerspective
from tickiti_query.field import Catalogue, Key
from tickiti_query.perspective import Order, Perspective
from tickiti_query.predicate import Viewpoint

DEFAULT = (Order("updated_at", ascending=False),)


def write_order(perspective: Perspective, view: Viewpoint, catalogue: Catalogue) -> str:
    """The sort keys; UnsupportedPerspective for a field that does not order."""
    return ", ".join([*write_keys(perspective, view, catalogue), "t.id DESC"])


def write_keys(perspective: Perspective, view: Viewpoint, catalogue: Catalogue) -> Iterator[str]:
    """One key for each order of the perspective, or the default one."""
    for order in perspective.orders or DEFAULT:
        key = find_key(order, catalogue)
        if key is None:
            raise UnsupportedPerspective(
                f'{perspective.title} orders by "{order.field}", which is not supported.'
            )
        # NULL is last either way; a key that is never NULL says nothing of it, so that any index fits.
        nulls = " NULLS LAST" if key.nullable else ""
        yield f"{key.sql(view)} {'ASC' if order.ascending else 'DESC'}{nulls}"


def find_key(order: Order, catalogue: Catalogue) -> Key | None:
    """What the catalogue compares for this order; None where the field does not order."""
    field = catalogue.fields.get(order.field)
    return field.order if field else None
