"""A question that was asked before: what it came to, and one statement that asks it again.

Between a request and its statement stand a few look-ups: the token, the perspective, names. What they said are the
premises of the statement. As long as they say the same, compiling again would give the same; so the premises and the
rows are asked together, in one snapshot and one round trip, and the rows come only where every premise still holds.
Where the snapshot is the very one that the premises were read in, that is proof enough, and the rows are asked alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tickiti_query.cache.snapshot_ids import SIGHT_SQL, Sight, Validator, read_sight
from tickiti_query.model.search import TicketQuery
from tickiti_query.model.source import Row, Source
from tickiti_query.model.statement import Binds, Statement, rename_binds


@dataclass(frozen=True, slots=True)
class Premise:
    """A look-up, and its rows as PostgreSQL writes them."""

    statement: Statement
    rows: tuple[str, ...]


class Witness:
    """A source that remembers what everything said that was fetched through it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.premises: list[Premise] = []

    def fetch(self, statement: Statement) -> list[Row]:
        """All rows of `statement`."""
        sql = f"SELECT CAST(x AS text), x.* FROM (\n{statement.sql}\n) x"
        rows = self._source.fetch(replace(statement, sql=sql))
        self.premises.append(Premise(statement, tuple(row[0] for row in rows)))
        return [row[1:] for row in rows]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a question came to, and about how many bytes that takes. Both statements give what `read` takes apart.

    `statement` proves the premises; `page` does not, and is for who sees what `validator` names: under that they hold.
    """

    grant: Any
    size: int
    query: TicketQuery
    perspective_id: int | None
    columns: tuple[str, ...]
    statement: Statement
    page: Statement
    validator: Validator | None = None

    @staticmethod
    def read(rows: Sequence[Row]) -> tuple[Sight, Sequence[Row]] | None:
        """What the snapshot saw, and the rows that are of it. None where a premise does not hold any more.

        After its columns a row has one value that is nobody's: taking it away from each would take longer than its way.
        """
        *_, sight = rows[0]
        return (read_sight(sight), rows[1:]) if sight else None


def write_recipe(page: Statement, premises: Sequence[Premise]) -> Statement:
    """One statement for all: first what the snapshot sees, NULL where a premise fails; then the rows of `page`."""
    binds = Binds()
    conditions = []
    for number, premise in enumerate(premises, start=1):
        names = {name: binds.add(f"{name}_of_{number}", value) for name, value in premise.statement.params}
        lookup = rename_binds(premise.statement.sql, names)
        said = binds.add("said", premise.rows)
        conditions.append(f"ARRAY(SELECT CAST(x AS text) FROM (\n{lookup}\n) x) = CAST({said} AS text[])")
    holds = "\n  AND ".join(conditions) or "TRUE"
    columns = "NULL, " * len(page.columns)
    return Statement(
        f"WITH premises AS MATERIALIZED (\nSELECT CASE WHEN {holds}\nTHEN {SIGHT_SQL} END AS sight\n)\n"
        f"SELECT {columns}sight\nFROM premises\n"
        # What is appended comes after the rest, and is not begun where a condition fails that asks nothing of a row.
        f"UNION ALL\nSELECT page.*, NULL FROM (\n{page.sql}\n) page\n"
        f"WHERE (SELECT sight FROM premises) IS NOT NULL",
        (*binds.params, *page.params),
    )
