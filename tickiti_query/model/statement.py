"""A statement as one value, its SQL text and its binds; and the source that it is read from."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

NAMED = re.compile(r"(?<![:\w\\]):(\w+)(?!:)")  # as SQLAlchemy finds them

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


@dataclass(slots=True)
class Binds:
    """The values of a statement that is being written, each named after its field."""

    names: dict[tuple[str, type, Bind], str] = field(default_factory=dict)
    taken: Counter[str] = field(default_factory=Counter)

    def add(self, name: str, value: Bind) -> str:
        """Take `value` into the statement, and return its placeholder, such as `:subject_1`. Equal values share one."""
        key = (name, type(value), value)
        if key not in self.names:
            self.taken[name] += 1
            self.names[key] = f"{name}_{self.taken[name]}"
        return f":{self.names[key]}"

    @property
    def params(self) -> tuple[tuple[str, Bind], ...]:
        """All values so far, by name, in the order of their first use."""
        return tuple((name, value) for (_, _, value), name in self.names.items())


def rename_binds(sql: str, names: Mapping[str, str]) -> str:
    """Return the text with other placeholders: `names` maps each name to the text that replaces `:name`."""
    return NAMED.sub(lambda found: names[found[1]], sql)


class Source(Protocol):
    """One snapshot of the replica, such as a transaction."""

    def fetch(self, statement: Statement) -> list[Row]:
        """Return all rows of the statement."""
        ...
