"""Have the reporting relations, where they are tables, the keys and indexes that queries need?"""

import re
from collections.abc import Iterator, Mapping

from tickiti_query.cli.checks.expected_indexes import INDEXES, KEYS
from tickiti_query.cli.finding import Finding, ok, warning
from tickiti_query.cli.session import Session

KINDS = """
SELECT c.relname, c.relkind IN ('r', 'p', 'm')
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
TRIGRAMS = "SELECT extname FROM pg_extension WHERE extname = 'pg_trgm'"
CASTS_QUALIFIERS_AND_MARKS = re.compile(r'::(text|character varying|integer)|\w+\.(?=gin_trgm_ops)|[\s()"]')

Definitions = Mapping[str, set[str]]  # relation -> normalized definitions


def check_indexes(session: Session) -> Iterator[Finding]:
    """Each index that is missing; one line where none is."""
    schema = session.settings.replica_schema
    kinds = dict(session.fetch(KINDS, schema=schema, relations=tuple(KEYS)))
    tables = {relation for relation, is_table in kinds.items() if is_table}
    views = len(kinds) - len(tables)
    if views:
        yield ok(
            "indexes",
            f"not checked where relations are views ({views}): the indexes of the tables beneath cannot be seen"
            " from here; deploy/reporting_views.sql creates them",
        )
    if not tables:
        return
    unique: dict[str, set[str]] = {}
    every: dict[str, set[str]] = {}
    for relation, is_unique, definition in session.fetch(THERE, schema=schema):
        every.setdefault(relation, set()).add(normalize(definition))
        if is_unique:
            unique.setdefault(relation, set()).add(normalize(definition))
    has_trigrams = bool(session.fetch(TRIGRAMS))
    missing = [
        *list_missing_keys(tables, unique),
        *list_missing_indexes(tables, every, has_trigrams=has_trigrams),
    ]
    yield from missing
    if not missing:
        yield ok("indexes", f"all keys and indexes of {len(tables)} tables are there")


def list_missing_keys(tables: set[str], unique: Definitions) -> Iterator[Finding]:
    """The contract's keys for which there is no unique index."""
    for relation in KEYS:
        for columns in KEYS[relation] if relation in tables else ():
            if normalize(columns) not in unique.get(relation, set()):
                yield warning(relation, f"lacks its key, a unique index on ({columns})")


def list_missing_indexes(tables: set[str], every: Definitions, *, has_trigrams: bool) -> Iterator[Finding]:
    """The indexes of deploy/reporting_indexes.sql that are not there under any name."""
    if not has_trigrams:
        yield warning("indexes", "pg_trgm is not installed: searches in texts read whole tables")
    for name, (relation, definition) in INDEXES.items():
        wanted = relation in tables and (has_trigrams or not name.endswith("_trgm"))
        if wanted and normalize(definition) not in every.get(relation, set()):
            yield warning(relation, f"lacks the index {name} {definition}; see deploy/reporting_indexes.sql")


def normalize(definition: str) -> str:
    """What an index is on, in one spelling: ours, or PostgreSQL's own with its casts and parentheses."""
    columns = definition.rpartition("USING ")[2].removeprefix("btree ")
    return CASTS_QUALIFIERS_AND_MARKS.sub("", columns)
