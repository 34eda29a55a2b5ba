"""The interface by which rows are read: one snapshot of the replica."""

from typing import Any, Protocol

from tickiti_query.model.statement import Statement

Row = tuple[Any, ...]


class Source(Protocol):
    """One snapshot of the replica, such as a transaction."""

    def fetch(self, statement: Statement) -> list[Row]:
        """Return all rows of the statement."""
        ...
