"""The shape of an entry of the catalogue, Field with its Column, Key and Modes, and the parts that occur often."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import time
from enum import Enum
from functools import partial

from tickiti_query.catalogue.predicate import Comparison, CompileContext, Flag, Fragment, match_flag, match_moment
from tickiti_query.catalogue.values import read_flag, read_moment

MOMENT_VALUES = "`YYYY-MM-DD` or `YYYY-MM-DD HH:MM:SS`, UTC"


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

    `splits`: an index has in order the tickets that have a value, but no index has the others behind them, so both are
    read apart. `by_queue`: the value is the same for all tickets of a queue.
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


def text_key(expression: str, *, nullable: bool = False, by_queue: bool = False) -> Key:
    """Return the key of a text: its folded form, byte by byte, the same on every machine."""
    return Key(f'lower({expression}) COLLATE "C"', nullable, by_queue=by_queue)


def write_moment(expression: str) -> str:
    """Write a time as text, in a session whose DateStyle is ISO. to_char would take twice the time."""
    return f"CAST(date_trunc('second', {expression}) AS text)"


def list_values(value: str, source: Fragment) -> Fragment:
    """Return a list without NULL, sorted by the folded value, then by the value. `source` ends with a WHERE."""

    def write(rows: str) -> str:
        present = f"{rows} AND {value} IS NOT NULL"
        return f'ARRAY(SELECT {value} {present} ORDER BY lower({value}) COLLATE "C", {value} COLLATE "C")'

    return write(source) if isinstance(source, str) else lambda context: write(source(context))


def name_column(email: str, example: str) -> Column:
    """Return the column of the name of the user with this e-mail address, or null."""
    sql = f'(SELECT u.name FROM users u WHERE lower(u.email) COLLATE "C" = lower({email}) ORDER BY u.id LIMIT 1)'
    return Column(sql, Kind.TEXT, example, nullable=True)


def bound_moment(name: str, column: str) -> list[Mode]:
    """Return the modes `<name>_from` and `<name>_to`, which bound a time as it is shown, by the whole second.

    A date alone means the first second of that day, or the last. The column stands alone, so that an index serves it.
    """
    bounds = [
        (f"{name}_from", f"{column} >= {{}}", time.min),
        (f"{name}_to", f"{column} < {{}} + interval '1 second'", time(23, 59, 59)),
    ]
    return [
        Mode(mode, MOMENT_VALUES, Comparison(partial(read_moment, day_time), partial(match_moment, bound, mode)))
        for mode, bound, day_time in bounds
    ]


def make_flag(name: str, match: Flag, *, example: bool | None = None, shows: Fragment | None = None) -> Field:
    """Return a field that is true or false, about the subject user; a column where there is an `example`."""

    def write(context: CompileContext) -> str:
        return f"({match(context).sql}) IS TRUE"

    return Field(
        name=name,
        values="true, false",
        user_centric=True,
        equals=Comparison(read_flag, partial(match_flag, match)),
        column=Column(write, Kind.FLAG, example) if example is not None else None,
        shows=shows or write,
    )
