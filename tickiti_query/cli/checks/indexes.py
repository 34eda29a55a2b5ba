"""The check of indexes: the reporting relations, or the tables beneath them, have those that queries need."""

from collections.abc import Iterator, Mapping, Set

from tickiti_query.cli.checks import CheckResult, ok, warning
from tickiti_query.cli.session import Session
from tickiti_query.model.statement import Row, Statement
from tickiti_query.reporting.expected_indexes import INDEXES, KEYS, KEYS_BENEATH, PREFIX
from tickiti_query.reporting.indexes import normalize, read_indexes

# One row for each index of a relation, and one for a relation without any.
THERE = """
SELECT c.relname, CAST(c.relkind AS text), i.indisunique, COALESCE(pg_get_indexdef(i.indexrelid), '')
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisvalid
WHERE n.nspname = CAST(:schema AS text) AND c.relname = ANY (:relations)
  AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
"""
TABLES, VIEW = "rpm", "v"
TRIGRAMS = Statement("SELECT extname FROM pg_extension WHERE extname = 'pg_trgm'")
Indexes = Mapping[str, tuple[str, str]]  # as INDEXES
ADVICE = "on the table beneath the view; see deploy/reporting_views.sql"


def check_indexes(session: Session) -> Iterator[CheckResult]:
    """Yield a result for each index that is missing; one result where none is."""
    binds = (("schema", session.settings.replica_schema), ("relations", tuple(KEYS)))
    rows = session.fetch(Statement(THERE, binds))
    kinds: dict[str, str] = {relation: kind for relation, kind, *_ in rows}
    tables = {relation for relation, kind in kinds.items() if kind in TABLES}
    views = {relation for relation, kind in kinds.items() if kind == VIEW}
    foreign = len(kinds) - len(tables) - len(views)
    if foreign:
        yield ok("indexes", f"not checked where relations are foreign tables ({foreign})")
    has_trigrams = bool(session.fetch(TRIGRAMS))
    if kinds and not has_trigrams:
        yield warning("indexes", "pg_trgm is not installed: searches in texts read whole tables")
    wanted = {name: index for name, index in INDEXES.items() if has_trigrams or not name.endswith("_trgm")}
    if tables:
        missing = list(list_missing(rows, tables, wanted))
        yield from missing
        if has_trigrams and not missing:
            yield ok("indexes", f"all keys and indexes of {len(tables)} tables are there")
    if views:
        missing = list(list_missing_beneath(session, views, wanted))
        yield from missing
        if has_trigrams and not missing:
            found = sum(relation in views for relation, _ in (*KEYS_BENEATH.values(), *INDEXES.values()))
            beneath = f"{len(views)} view{'s' * (len(views) != 1)}"
            yield ok("indexes", f"all {found} indexes of the tables beneath {beneath} are there")


def list_missing(rows: list[Row], tables: Set[str], wanted: Indexes) -> Iterator[CheckResult]:
    """Yield the keys and indexes that tables lack. An index may be there under any name."""
    every = {(relation, normalize(definition)) for relation, _, _, definition in rows}
    unique = {(relation, normalize(definition)) for relation, _, is_unique, definition in rows if is_unique}
    for relation, columns in ((relation, columns) for relation, keys in KEYS.items() for columns in keys):
        if relation in tables and (relation, normalize(columns)) not in unique:
            yield warning(relation, f"lacks its key, a unique index on ({columns})")
    for name, (relation, definition) in wanted.items():
        if relation in tables and (relation, normalize(definition)) not in every:
            yield warning(relation, f"lacks the index {name} {definition}; see deploy/reporting_indexes.sql")


def list_missing_beneath(session: Session, views: Set[str], wanted: Indexes) -> Iterator[CheckResult]:
    """Yield the indexes of deploy/reporting_views.sql that are not there."""
    there = read_indexes(session, views)
    for name, (relation, columns) in KEYS_BENEATH.items():
        if relation in views and not there[relation].has_key(name, columns):
            alternative = f"{PREFIX}{name}, or another that begins with ({columns})"
            yield warning(relation, f"lacks the index {alternative}, {ADVICE}")
    for name, (relation, definition) in wanted.items():
        if relation in views and not there[relation].has(name, definition):
            yield warning(relation, f"lacks the index {PREFIX}{name} {definition} {ADVICE}")
