"""Prepared statements of one connection."""

import itertools
from collections import OrderedDict

from tickiti_query.model.statement import Statement

# The most statements that a connection keeps prepared with their values. A plan takes some 100 KiB on the server.
MOST_WITH_VALUES = 32


class PreparedStatements:
    """The names that a connection's prepared statements have on the server.

    `by_text` has statements with parameters. `by_value` has statements with values, the least recently used first.
    """

    def __init__(self) -> None:
        self.by_text: dict[str, str] = {}
        self.by_value: OrderedDict[Statement, str] = OrderedDict()
        self._numbers = itertools.count(1)

    def make_name(self) -> str:
        """Return a name that is new on this connection: a PREPARE that failed may have left its statement behind."""
        return f"tickiti_query_{next(self._numbers)}"

    def find_by_value(self, statement: Statement) -> str | None:
        """Return the name of a statement with its values, which becomes the most recently used."""
        if statement not in self.by_value:
            return None
        self.by_value.move_to_end(statement)
        return self.by_value[statement]

    def make_room(self) -> str | None:
        """Forget the least recently used statement with values where they are too many. Return its name, or None."""
        if len(self.by_value) < MOST_WITH_VALUES:
            return None
        return self.by_value.popitem(last=False)[1]

    def forget(self, statement: Statement) -> None:
        """Forget a statement that the server does not have."""
        self.by_text.pop(statement.sql, None)
        self.by_value.pop(statement, None)
