"""A statement as one value, its SQL text and its binds; and the readers of digits and JSON that strangers wrote.

A number that is read is one that a bind can hold. JSON is what RFC 8259 allows, down to a limited depth.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any, Protocol

BIGINT = range(-(2**63), 2**63)
# What a JSON text can hold and no text of PostgreSQL can: a NUL, and half a surrogate pair.
UNCLEAN = re.compile("[\0\ud800-\udfff]")
PLACEHOLDER = re.compile(r"(?<![:\w\\]):(\w+)(?!:)")  # as SQLAlchemy finds them

Bind = str | int | tuple[str | int, ...] | None
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """One SELECT with `:name` binds, hashable, so that it can be part of a cache key.

    `params` are (name, value) pairs in the order of their first use. `columns` names the result columns.
    `is_repeated`: every request asks it in the same words, and one plan is good for all its values; it is worth
    being prepared.
    """

    sql: str
    params: tuple[tuple[str, Bind], ...] = ()
    columns: tuple[str, ...] = ()
    is_repeated: bool = False

    @property
    def size(self) -> int:
        """The size of the statement in bytes, roughly."""
        return len(self.sql) + sum(len(str(value)) for _, value in self.params)


@dataclass(frozen=True, slots=True)
class Precondition:
    """A look-up, and its rows as PostgreSQL writes them."""

    statement: Statement
    rows: tuple[str, ...]


@dataclass(slots=True)
class Binds:
    """The values of a statement that is being written, each named after its field.

    `params` are all of them so far, by name, in the order of their first use; `names` are the names of each field's.
    """

    params: dict[str, Bind] = field(default_factory=dict)
    names: dict[str, dict[tuple[type, Bind], str]] = field(default_factory=dict)

    def add(self, name: str, value: Bind) -> str:
        """Take `value` into the statement, and return its placeholder, such as `:subject_1`. Equal values share one."""
        names = self.names.setdefault(name, {})
        bind = names.setdefault((type(value), value), f"{name}_{len(names) + 1}")
        self.params[bind] = value
        return f":{bind}"


def rename_binds(sql: str, suffix: str) -> str:
    """Return the text with `suffix` behind the name of each bind."""
    return PLACEHOLDER.sub(rf":\1{suffix}", sql)


class Source(Protocol):
    """One snapshot of the replica, such as a transaction."""

    def fetch(self, statement: Statement) -> list[Row]:
        """Return all rows of the statement."""
        ...


def read_digits(text: str) -> int | None:
    """Return the number that ASCII digits write; None for an empty text, and for one with another character.

    A number beyond 64 bits comes back as the first such number, which no row has.
    """
    if not re.fullmatch(r"[0-9]+", text):
        return None
    return min(_read_integer(text.lstrip("0") or "0"), BIGINT.stop)


def read_json(text: str) -> Any:
    """Return the value of a JSON text. Raise ValueError where the text is no JSON, or is nested too deeply.

    A whole number beyond 64 bits comes back as the first such number: no row has it, and turning thousands of digits
    into a number costs time.
    """
    try:
        return json.loads(text, parse_int=_read_integer, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _read_integer(digits: str) -> int:
    if len(digits) > 20:
        return BIGINT.start - 1 if digits.startswith("-") else BIGINT.stop
    return int(digits)


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def read_scalars(text: str | None) -> tuple[object, ...]:
    """Return the scalars in a JSON text: those of a list, or one; none where it is NULL.

    An object, or a list in a list, becomes an empty tuple. So does a value that cannot be read, or that no text holds.
    """
    if text is None:
        return ()
    try:
        value = read_json(text)
    except ValueError:
        value = ()
    values = value if isinstance(value, list) else [value]
    return tuple(() if isinstance(each, dict | list) or UNCLEAN.search(str(each)) else each for each in values)
