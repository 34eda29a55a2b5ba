"""A saved view of the ticket list, and the query that asks for one, as data."""

from dataclasses import dataclass, field

from tickiti_query.model.token import User


@dataclass(frozen=True, slots=True)
class Condition:
    """One row of `perspective_conditions`, not yet understood. `values` are the scalars in its JSON."""

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


@dataclass(frozen=True, slots=True)
class Selector:
    """The choice of a perspective: by id, by name, or (both None) the built-in All. The id wins over the name."""

    id: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Criterion:
    """One search criterion; `path` is its place in the body, for error messages."""

    mode: str
    tokens: tuple[str | int, ...]
    match: str = "all"
    path: str = field(default="search_object.criteria.0", compare=False)


@dataclass(frozen=True, slots=True)
class TicketQuery:
    """A request's body, understood as far as its shape goes.

    `ignored` holds paths of unknown fields; `size` is the bytes of the body and its media type.
    """

    selector: Selector = Selector()
    criteria: tuple[Criterion, ...] = ()
    row_limit: int = 100
    ignored: tuple[str, ...] = field(default=(), compare=False)
    size: int = field(default=0, compare=False)
