"""The shape of an entry of the catalogue: Field, with its Column, Key and Modes, and Catalogue."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from enum import Enum

from tickiti_query.catalogue.matching import Fragment
from tickiti_query.catalogue.predicate import Comparison


class Kind(Enum):
    """The kinds of JSON value that a column has."""

    INTEGER = "integer"
    TEXT = "text"
    MOMENT = "moment"  # `YYYY-MM-DD HH:MM:SS`, UTC
    DATE = "date"  # `YYYY-MM-DD`
    FLAG = "flag"  # true or false
    LIST = "list"  # of texts


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its SQL, the kind of its values, and one of them for the documents.

    A value is null only where the column is `nullable`. `choices` are all values that there are, where they are few.
    """

    sql: Fragment
    kind: Kind
    example: str | int | bool | tuple[str, ...]
    nullable: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Key:
    """The value that an order compares. `nullable` keys put NULL last in both directions.

    `splits`: an index has the tickets that have a value in order, and none has the others behind them; so the two
    are read apart. `by_queue`: it is the same for all tickets of a queue.
    """

    sql: Fragment
    nullable: bool = False
    splits: bool = False
    by_queue: bool = False


@dataclass(frozen=True, slots=True)
class Mode:
    """A mode of the search criteria. `text`: all tokens must match unless `match` is `any`."""

    name: str
    tokens: str
    comparison: Comparison
    text: bool = False
    integers: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the language; None where it may not be used.

    `equals` serves `is` and `is not`, `contains` serves `contains` and `does not contain`. `column` is what
    a row shows; `core` columns are always there. `user_centric` fields are about the subject user. `shows` is
    what a ticket has of it, for `why`, where no column says so: a text, a list, or a JSON object of facts.
    """

    name: str
    _: KW_ONLY
    values: str = ""
    user_centric: bool = False
    equals: Comparison | None = None
    contains: Comparison | None = None
    order: Key | None = None
    column: Column | None = None
    shows: Fragment | None = None
    core: bool = False
    modes: Sequence[Mode] = ()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The fields by name, the modes by name, the core columns in their order."""

    fields: Mapping[str, Field]
    modes: Mapping[str, Mode]
    core: tuple[str, ...]


def make_catalogue(fields: Sequence[Field]) -> Catalogue:
    """Return the catalogue of `fields`. The core columns keep the order of the fields."""
    return Catalogue(
        fields={field.name: field for field in fields},
        modes={mode.name: mode for field in fields for mode in field.modes},
        core=tuple(field.name for field in fields if field.core),
    )
