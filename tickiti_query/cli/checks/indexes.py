"""The check of indexes: the reporting relations, or the tables beneath them, have those that queries need."""

from collections.abc import Iterator

from tickiti_query.cli.checks.indexes_beneath import count_beneath, list_missing_beneath
from tickiti_query.cli.checks.result import CheckResult, ok, warning
from tickiti_query.cli.session import Session
from tickiti_query.reporting.expected_indexes import INDEXES, KEYS
from tickiti_query.reporting.index_definitions import normalize

KINDS = """
SELECT c.relname, CAST(c.relkind AS text)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = CAST(:schema AS text) AND c.relname = ANY (:relations)
  AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
"""
THERE = """
SELECT c.relname, i.indisunique, pg_get_indexdef(i.indexrelid)
FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = CAST(:schema AS text) AND i.indisvalid
"""
TABLES, VIEW = "rpm", "v"
TRIGRAMS = "SELECT extname FROM pg_extension WHERE extname = 'pg_trgm'"


def check_indexes(session: Session) -> Iterator[CheckResult]:
    """Yield a result for each index that is missing; one result where none is."""
    kinds = dict(session.fetch(KINDS, schema=session.settings.replica_schema, relations=tuple(KEYS)))
    tables = {relation for relation, kind in kinds.items() if kind in TABLES}
    views = {relation for relation, kind in kinds.items() if kind == VIEW}
    foreign = len(kinds) - len(tables) - len(views)
    if foreign:
        yield ok("indexes", f"not checked where relations are foreign tables ({foreign})")
    has_trigrams = bool(session.fetch(TRIGRAMS))
    if kinds and not has_trigrams:
        yield warning("indexes", "pg_trgm is not installed: searches in texts read whole tables")
    if tables:
        missing = list(list_missing(session, tables, has_trigrams=has_trigrams))
        yield from missing
        if has_trigrams and not missing:
            yield ok("indexes", f"all keys and indexes of {len(tables)} tables are there")
    if views:
        missing = list(list_missing_beneath(session, views, has_trigrams=has_trigrams))
        yield from missing
        if has_trigrams and not missing:
            found, beneath = count_beneath(views), f"{len(views)} view{'s' * (len(views) != 1)}"
            yield ok("indexes", f"all {found} indexes of the tables beneath {beneath} are there")


def list_missing(session: Session, tables: set[str], *, has_trigrams: bool) -> Iterator[CheckResult]:
    """Yield the keys and indexes that tables lack. An index may be there under any name."""
    rows = session.fetch(THERE, schema=session.settings.replica_schema)
    every = {(relation, normalize(definition)) for relation, _, definition in rows}
    unique = {(relation, normalize(definition)) for relation, is_unique, definition in rows if is_unique}
    for relation in KEYS:
        for columns in KEYS[relation] if relation in tables else ():
            if (relation, normalize(columns)) not in unique:
                yield warning(relation, f"lacks its key, a unique index on ({columns})")
    for name, (relation, definition) in INDEXES.items():
        wanted = relation in tables and (has_trigrams or not name.endswith("_trgm"))
        if wanted and (relation, normalize(definition)) not in every:
            yield warning(relation, f"lacks the index {name} {definition}; see deploy/reporting_indexes.sql")
