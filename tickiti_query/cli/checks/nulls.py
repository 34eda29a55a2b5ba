"""The check of NULLs: rows that lack a value which every row of the contract has. Views do not forbid them."""

from collections.abc import Iterator

import psycopg2

from tickiti_query.cli.checks.result import CheckResult, warning
from tickiti_query.cli.session import Session
from tickiti_query.reporting.contract import NULLABLE, RELATIONS

TOO_SLOW = {"57014", "55P03"}  # SQLSTATEs
# The columns that are there and may be NULL; of a view, PostgreSQL says so of every column.
COLUMNS = """
SELECT c.relname, array_agg(a.attname ORDER BY a.attnum)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND NOT a.attnotnull
WHERE c.oid = ANY (ARRAY(SELECT CAST(to_regclass(n) AS oid) FROM unnest(CAST(:names AS text[])) n))
  AND has_column_privilege(c.oid, a.attnum, 'SELECT')
GROUP BY c.relname
"""


def check_nulls(session: Session) -> Iterator[CheckResult]:
    """Yield a warning for each column with a NULL that the contract does not have. Each relation is read through."""
    for relation, there in sorted(session.fetch(COLUMNS, names=tuple(RELATIONS))):
        columns = [name for name in RELATIONS[relation] if name in there and name not in NULLABLE.get(relation, ())]
        if columns:
            yield from judge_rows(session, relation, columns)


def judge_rows(session: Session, relation: str, columns: list[str]) -> Iterator[CheckResult]:
    """Yield a warning for each of the columns that has a NULL. Another check says where a relation cannot be read."""
    found = ", ".join(f"COALESCE(bool_or({column} IS NULL), FALSE)" for column in columns)
    try:
        [row] = session.fetch(f"SELECT {found} FROM {relation}")
    except psycopg2.Error as error:
        if error.pgcode is None:
            raise
        if error.pgcode in TOO_SLOW:
            yield warning(relation, "was not looked through for NULLs within the time limit of a statement or a lock")
        return
    for column, has_null in zip(columns, row, strict=True):
        if has_null:
            yield warning(
                f"{relation}.{column}",
                "is NULL in a row, and the contract has a value in each: let the view give one, or leave the row out",
            )
