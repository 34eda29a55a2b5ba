"""A column of a row: its SQL, and the JSON value that a row has there."""

from dataclasses import dataclass
from enum import Enum

from tickiti_query.catalogue.matching import Fragment


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
