"""A saved view of the ticket list, as data: what is listed, in which order, with which columns."""

from dataclasses import dataclass

from tickiti_query.model.actor import User


@dataclass(frozen=True, slots=True)
class Condition:
    """One row of `perspective_conditions`, not yet understood.

    `values` holds the JSON scalar, or the elements of the JSON array; the compiler judges them.
    """

    field: str
    operator: str
    values: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """One row of `perspective_orders`."""

    field: str
    ascending: bool


@dataclass(frozen=True, slots=True)
class Perspective:
    """A saved view. `subject` is the user it impersonates; None: it is read as the acting user.

    `id` is None only for the All that stands in where the replica has no row for it.
    """

    id: int | None
    name: str
    conditions: tuple[Condition, ...] = ()
    orders: tuple[Order, ...] = ()
    columns: tuple[str, ...] = ()
    subject: User | None = None

    @property
    def title(self) -> str:
        """The name of the perspective in messages: `perspective 7 "Returns, oldest first"`."""
        return f'perspective {self.id} "{self.name}"' if self.id is not None else f'perspective "{self.name}"'


ALL = Perspective(id=None, name="All")
