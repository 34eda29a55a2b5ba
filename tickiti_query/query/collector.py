"""Collecting an answer: the rows come in parts, and each part becomes text before the next is fetched.

libpq holds a whole result before it gives the first row, and Python's rows are several times as large as their text. So
no more than a part of an answer is there as rows, and the memory budget knows of each part before it is fetched.
"""

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Protocol

from tickiti_query.admission.memory_budget import Reservation
from tickiti_query.model.errors import Overloaded
from tickiti_query.model.statement import Row, Statement
from tickiti_query.query.request import RequestTrace

PART_BYTES = 256 * 1024  # of text, in a part
FIRST_ROWS = 8  # of a list that nobody has read yet
GROWTH = 12  # how many times as many rows a part may have as the one before: the next rows may be longer
# Bytes of memory for a byte of text while its rows are there: libpq's copy, Python's values, the text itself.
BYTES_A_BYTE = 4
PART_MEMORY = BYTES_A_BYTE * PART_BYTES


class PartsSource(Protocol):
    """One snapshot of the replica, of which a statement's rows are fetched in parts."""

    def open(self, statement: Statement, count: int) -> list[Row]:
        """Return the first rows of a statement, `count` at most."""
        ...

    def fetch_more(self, count: int) -> list[Row]:
        """Return the rows that follow, `count` at most."""
        ...


class Body(Protocol):
    """The text of an answer, as rows are added to it."""

    rows: int

    @property
    def size(self) -> int:
        """The bytes of the text up to now."""
        ...

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows behind those that are there."""
        ...

    def finish(self) -> bytes:
        """Return the whole text."""
        ...


class Collector:
    """Makes the body of one answer, which has `row_limit` rows at most; a row beyond them makes it `truncated`.

    It keeps the reservation as large as what it holds. Methods raise Overloaded where there is no room.
    """

    def __init__(
        self,
        body: Body,
        row_limit: int,
        reservation: Reservation,
        trace: RequestTrace,
    ) -> None:
        self.body = body
        self.truncated = False
        self._row_limit = row_limit
        self._reservation = reservation
        self._trace = trace

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows to the body, up to the row limit."""
        wanted = self._row_limit - self.body.rows
        self.truncated = len(rows) > wanted
        began = perf_counter()
        self.body.add(rows[:wanted] if self.truncated else rows)
        self._trace.render_seconds = (self._trace.render_seconds or 0.0) + perf_counter() - began

    def open(self, source: PartsSource, statement: Statement, count: int) -> list[Row]:
        """Return the first rows of a statement, for `add_all`."""
        self._reserve(PART_MEMORY)
        with self._trace.measure("sql"):
            return source.open(statement, count)

    def add_all(
        self, source: PartsSource, rows: Sequence[Row], asked: int, keep_size: Callable[[int, int], None]
    ) -> None:
        """Add the first rows, which are all where they are fewer than were asked for, and those that follow.

        `keep_size` is called with the rows and the bytes up to there where there is no room for more.
        """
        bytes_a_row = self._add_part(rows)
        while len(rows) == asked and not self.truncated:
            try:
                self._reserve(self.body.size + PART_MEMORY)
            except Overloaded:
                keep_size(self.body.rows, self.body.size)
                raise
            asked = min(count_rows(bytes_a_row), GROWTH * asked)
            rows = ()  # they are text now
            with self._trace.measure("sql"):
                rows = source.fetch_more(asked)
            bytes_a_row = max(bytes_a_row, self._add_part(rows))

    def _add_part(self, rows: Sequence[Row]) -> int:
        """Add rows, and return the bytes that one of them takes."""
        before = self.body.size
        self.add(rows)
        return (self.body.size - before) // max(1, len(rows))

    def _reserve(self, size: int) -> None:
        """Let the reservation be `size` at least."""
        if size > self._reservation.size:
            self._reservation.resize(size)


def count_rows(bytes_a_row: int) -> int:
    """Return the number of rows in a part."""
    return max(1, PART_BYTES // max(1, bytes_a_row))
