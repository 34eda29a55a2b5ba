"""Collecting an answer: the rows come in parts, and each part becomes text before the next is fetched.

libpq holds a whole result before it gives the first row, and Python's rows are several times as large as their text. So
no more than a part of an answer is there as rows, and the memory budget knows of each part before it is fetched.
"""

from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO
from itertools import starmap
from time import perf_counter

import msgspec

from tickiti_query.admission.capacity import Reservation
from tickiti_query.model.request import RequestTrace
from tickiti_query.model.statement import Row, Statement
from tickiti_query.replica.execution import Transaction

BODY_BEGIN = b'{"ok":true,"data":['
BODY_END = b"]}"
PART_BYTES = 256 * 1024  # of text, in a part
FIRST_ROWS = 8  # of a list that nobody has read yet
GROWTH = 12  # how many times as many rows a part may have as the one before: the next rows may be longer
# Bytes of memory for a byte of text while its rows are there: libpq's copy, Python's values, the text itself.
BYTES_A_BYTE = 4
PART_MEMORY = BYTES_A_BYTE * PART_BYTES


@lru_cache(maxsize=256)
def shape_row(columns: Sequence[str]) -> type[msgspec.Struct]:
    """Return the type of a row as an object with these columns in order.

    A NULL after them, which the rows of a cached plan have, is left out. A row as a dict takes eight times as
    long to make, and as long to write.
    """
    names = {f"value_{place}": column for place, column in enumerate(columns)}
    after: tuple[str, type, None] = ("after", type(None), None)
    return msgspec.defstruct("Row", [*names, after], rename={**names, "after": ""}, gc=False, omit_defaults=True)


class Collector:
    """Makes the body of a 200: `{"ok": true, "data": [row, …]}`, each row an object with its columns in order.

    It has `row_limit` rows at most; a row beyond them makes it `truncated`. The reservation is at least as large as
    what is held. Methods raise Overloaded where there is no room.
    """

    def __init__(self, columns: Sequence[str], row_limit: int, reservation: Reservation, trace: RequestTrace) -> None:
        self.rows = 0
        self.truncated = False
        self._row_limit = row_limit
        self.reservation = reservation
        self._trace = trace
        self._unread: tuple[Transaction, int] | None = None  # and the rows that were asked for last
        self._shape = shape_row(columns)
        self._text = BytesIO()
        self._text.write(BODY_BEGIN)

    @property
    def size(self) -> int:
        """The bytes of the body up to now."""
        return self._text.tell()

    def add(self, rows: Sequence[Row]) -> int:
        """Add rows to the body, up to the row limit. Return the bytes that one of them takes."""
        before, count = self.size, len(rows)
        wanted = self._row_limit - self.rows
        self.truncated = count > wanted
        self._trace.stages.append(("render", perf_counter()))
        if self.truncated:
            rows = rows[:wanted]
        if rows:
            rendered = memoryview(msgspec.json.encode(list(starmap(self._shape, rows))))
            if self.rows:
                self._text.write(b",")
            self._text.write(rendered[1:-1])
            self.rows += len(rows)
        self._trace.stages.append((None, perf_counter()))
        return (self.size - before) // max(1, count)

    def open(self, source: Transaction, statement: Statement, count: int) -> list[Row]:
        """Return the first rows of a statement, `count` at most."""
        self.reservation.grow(PART_MEMORY)
        rows = source.open(statement, count)
        self._unread = (source, count) if len(rows) == count else None
        return rows

    def add_all(self, rows: Sequence[Row]) -> None:
        """Add the first rows, and those that follow where a statement was opened that has more."""
        bytes_a_row = self.add(rows)
        while self._unread is not None and not self.truncated:
            source, asked = self._unread
            self.reservation.grow(self.size + PART_MEMORY)
            asked = min(count_rows(bytes_a_row), GROWTH * asked)
            rows = ()  # they are text now
            self._trace.stages.append(("sql", perf_counter()))
            rows = source.fetch_more(asked)
            self._unread = (source, asked) if len(rows) == asked else None
            bytes_a_row = max(bytes_a_row, self.add(rows))

    def finish(self) -> bytes:
        """Return the whole body, which is the buffer itself, cut to its size. Nothing can be added any more."""
        self._text.write(BODY_END)
        return self._text.getvalue()


def count_rows(bytes_a_row: int) -> int:
    """Return the number of rows in a part."""
    return max(1, PART_BYTES // max(1, bytes_a_row))
