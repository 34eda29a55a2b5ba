"""The query of a request: a perspective, the criteria that narrow it, and a number of rows."""

from dataclasses import dataclass, field


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
    """A request's body, understood as far as its shape goes. `ignored` holds paths of unknown fields."""

    selector: Selector = Selector()
    criteria: tuple[Criterion, ...] = ()
    row_limit: int = 100
    ignored: tuple[str, ...] = field(default=(), compare=False)
