"""The check of indexes beneath views: the tables there have the indexes that queries need."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field

from tickiti_query.cli.checks.definitions import normalize, read_view, translate
from tickiti_query.cli.checks.expected_indexes import INDEXES, KEYS_BENEATH, PREFIX
from tickiti_query.cli.checks.result import CheckResult, warning
from tickiti_query.cli.session import Session

ADVICE = "on the table beneath the view; see deploy/reporting_views.sql"
# Each view with its tables and their valid indexes, also by way of other views. Every role may read the catalogue.
BENEATH = """
WITH RECURSIVE beneath(view, relation) AS (
    SELECT c.oid, c.oid
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = CAST(:schema AS text) AND c.relname = ANY (:views) AND c.relkind = 'v'
    UNION
    SELECT b.view, d.refobjid
    FROM beneath b
    JOIN pg_class c ON c.oid = b.relation AND c.relkind = 'v'
    JOIN pg_rewrite r ON r.ev_class = c.oid
    JOIN pg_depend d ON d.objid = r.oid
    WHERE d.classid = CAST('pg_rewrite' AS regclass) AND d.refclassid = CAST('pg_class' AS regclass)
)
SELECT v.relname, pg_get_viewdef(v.oid), t.relname, x.relname, i.indpred IS NOT NULL, pg_get_indexdef(i.indexrelid)
FROM beneath b
JOIN pg_class v ON v.oid = b.view
JOIN pg_class t ON t.oid = b.relation AND t.relkind IN ('r', 'p', 'm')
LEFT JOIN pg_index i ON i.indrelid = t.oid AND i.indisvalid
LEFT JOIN pg_class x ON x.oid = i.indexrelid
"""


@dataclass(slots=True)
class Beneath:
    """A view, and the valid indexes of the tables beneath it."""

    view: str
    tables: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)  # normalized definitions of those that have all rows
    every: set[str] = field(default_factory=set)

    def has(self, name: str, definition: str) -> bool:
        """Return True for an index of this definition, or of the script's name: not every view can be read through."""
        return f"{PREFIX}{name}" in self.names or self._translate(definition) in self.every

    def has_key(self, name: str, columns: str) -> bool:
        """Return True for an index of all rows that begins with these columns, or has the script's name."""
        wanted = self._translate(columns)
        return f"{PREFIX}{name}" in self.names or any(f"{each},".startswith(f"{wanted},") for each in self.whole)

    def _translate(self, definition: str) -> str:
        return normalize(translate(definition, read_view(self.view, self.tables)))


def list_missing_beneath(session: Session, views: Set[str], *, has_trigrams: bool) -> Iterator[CheckResult]:
    """Yield the indexes of deploy/reporting_views.sql that are not there."""
    there = find_beneath(session, views)
    for name, (relation, columns) in KEYS_BENEATH.items():
        if relation in views and not there[relation].has_key(name, columns):
            wanted = f"{PREFIX}{name}, or another that begins with ({columns})"
            yield warning(relation, f"lacks the index {wanted}, {ADVICE}")
    for name, (relation, definition) in INDEXES.items():
        is_wanted = relation in views and (has_trigrams or not name.endswith("_trgm"))
        if is_wanted and not there[relation].has(name, definition):
            yield warning(relation, f"lacks the index {PREFIX}{name} {definition} {ADVICE}")


def count_beneath(views: Set[str]) -> int:
    """Return the number of indexes that the tables beneath these views should have."""
    return sum(relation in views for relation, _ in (*KEYS_BENEATH.values(), *INDEXES.values()))


def find_beneath(session: Session, views: Set[str]) -> Mapping[str, Beneath]:
    """Return the tables and indexes beneath each of the views."""
    there = {view: Beneath("") for view in views}
    rows = session.fetch(BENEATH, schema=session.settings.replica_schema, views=tuple(views))
    for view, view_definition, table, name, is_partial, definition in rows:
        found = there[view]
        found.view = view_definition
        found.tables.add(table)
        if name is not None:
            found.names.add(name)
            found.every.add(normalize(definition))
            if not is_partial:
                found.whole.add(normalize(definition))
    return there
