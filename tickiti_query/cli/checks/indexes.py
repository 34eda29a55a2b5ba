"""The check of indexes: the reporting relations, or the tables beneath them, have those that queries need."""

from collections.abc import Iterator, Mapping, Set

from tickiti_query.cli.checks import CheckResult, ok, warning
from tickiti_query.cli.session import Session
from tickiti_query.model.statement import Statement
from tickiti_query.reporting.expected_indexes import INDEXES, KEYS, KEYS_BENEATH, PREFIX
from tickiti_query.reporting.indexes import normalize, read_indexes

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
TRIGRAMS = Statement("SELECT extname FROM pg_extension WHERE extname = 'pg_trgm'")
ADVICE = "on the table beneath the view; see deploy/reporting_views.sql"


def check_indexes(session: Session) -> Iterator[CheckResult]:
    """Yield a result for each index that is missing; one result where none is."""
    schema = session.settings.replica_schema
    kinds: dict[str, str] = dict(session.fetch(Statement(KINDS, (("schema", schema), ("relations", tuple(KEYS))))))
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
        missing = list(list_missing(session, tables, wanted))
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


def list_missing(session: Session, tables: Set[str], wanted: Mapping[str, tuple[str, str]]) -> Iterator[CheckResult]:
    """Yield the keys and indexes that tables lack. An index may be there under any name."""
    rows = session.fetch(Statement(THERE, (("schema", session.settings.replica_schema),)))
    every = {(relation, normalize(definition)) for relation, _, definition in rows}
    unique = {(relation, normalize(definition)) for relation, is_unique, definition in rows if is_unique}
    for relation in KEYS:
        for columns in KEYS[relation] if relation in tables else ():
            if (relation, normalize(columns)) not in unique:
                yield warning(relation, f"lacks its key, a unique index on ({columns})")
    for name, (relation, definition) in wanted.items():
        if relation in tables and (relation, normalize(definition)) not in every:
            yield warning(relation, f"lacks the index {name} {definition}; see deploy/reporting_indexes.sql")


def list_missing_beneath(
    session: Session, views: Set[str], wanted: Mapping[str, tuple[str, str]]
) -> Iterator[CheckResult]:
    """Yield the indexes of deploy/reporting_views.sql that are not there."""
    there = read_indexes(session, views)
    for name, (relation, columns) in KEYS_BENEATH.items():
        if relation in views and not there[relation].has_key(name, columns):
            alternative = f"{PREFIX}{name}, or another that begins with ({columns})"
            yield warning(relation, f"lacks the index {alternative}, {ADVICE}")
    for name, (relation, definition) in wanted.items():
        if relation in views and not there[relation].has(name, definition):
            yield warning(relation, f"lacks the index {PREFIX}{name} {definition} {ADVICE}")
