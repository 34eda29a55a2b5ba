"""The versions of the server's collation libraries, and those by which the database's indexes were sorted."""

from tickiti_query.model.statement import Source, Statement
from tickiti_query.reporting.columns import NAMES

FIRST_WITH_DATABASE_VERSIONS = 150000  # as server_version_num has it
VERSION = "SELECT CAST(current_setting('server_version_num') AS integer)"
# The collations of the contract's columns, and of what they are beneath views cannot differ from them.
OF_COLUMNS = f"""
SELECT 'collation "' || l.collname || '"', l.collversion, pg_collation_actual_version(l.oid)
FROM pg_collation l
WHERE l.collversion IS NOT NULL
  AND l.oid IN (SELECT a.attcollation
                FROM unnest(ARRAY[{NAMES}]) n
                JOIN pg_attribute a ON a.attrelid = to_regclass(n) AND a.attnum > 0)
"""
OF_DATABASE = """
SELECT 'database', d.datcollversion, pg_database_collation_actual_version(d.oid)
FROM pg_database d
WHERE d.datname = current_database() AND d.datcollversion IS NOT NULL
UNION ALL"""


def find_changed_collations(source: Source) -> list[str]:
    """Return a sentence for each collation by which indexes were sorted, and which the server now sorts otherwise."""
    [(version,)] = source.fetch(Statement(VERSION))
    sql = f"{OF_DATABASE if version >= FIRST_WITH_DATABASE_VERSIONS else ''}{OF_COLUMNS}"
    return [
        f"the {what} was made with version {recorded} of its collation library, and the server has {actual}"
        for what, recorded, actual in source.fetch(Statement(sql))
        if actual is not None and actual != recorded
    ]
