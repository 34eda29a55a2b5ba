"""The indexes that the contract's relations have, also on the tables beneath views, and what they serve."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tickiti_query.model.statement import Source, Statement
from tickiti_query.reporting.expected_indexes import INDEXES, LOOK_UPS, PREFIX

# Each relation with the tables beneath it and their valid indexes, also by way of other views. A table is beneath
# itself. Every role may read the catalogue.
INDEXES_BENEATH = """
WITH RECURSIVE beneath(relation, oid) AS (
    SELECT CAST(to_regclass(n) AS oid), CAST(to_regclass(n) AS oid)
    FROM unnest(CAST(:relations AS text[])) n
    WHERE to_regclass(n) IS NOT NULL
    UNION
    SELECT b.relation, d.refobjid
    FROM beneath b
    JOIN pg_class c ON c.oid = b.oid AND c.relkind = 'v'
    JOIN pg_rewrite r ON r.ev_class = c.oid
    JOIN pg_depend d ON d.objid = r.oid
    WHERE d.classid = CAST('pg_rewrite' AS regclass) AND d.refclassid = CAST('pg_class' AS regclass)
), defined AS MATERIALIZED (
    SELECT oid, relname, CASE relkind WHEN 'v' THEN pg_get_viewdef(oid) END AS view
    FROM pg_class
    WHERE oid IN (SELECT relation FROM beneath)
)
SELECT v.relname, v.view, CAST(t.oid AS bigint), t.relname, x.relname, i.indpred IS NOT NULL, pg_get_indexdef(x.oid)
FROM beneath b
JOIN defined v ON v.oid = b.relation
JOIN pg_class t ON t.oid = b.oid AND t.relkind IN ('r', 'p', 'm')
LEFT JOIN pg_index i ON i.indrelid = t.oid AND i.indisvalid
LEFT JOIN pg_class x ON x.oid = i.indexrelid
"""
CASTS_QUALIFIERS_AND_MARKS = re.compile(r'::(text|character varying|integer)|\w+\.(?=gin_trgm_ops)|[\s()"]')


def normalize(definition: str) -> str:
    """Return a definition in one spelling, from ours or from PostgreSQL's own with its casts and parentheses."""
    columns = definition.rpartition("USING ")[2].removeprefix("btree ")
    return CASTS_QUALIFIERS_AND_MARKS.sub("", columns)


def read_view(definition: str, tables: Iterable[str]) -> Mapping[str, str]:
    """Return the expressions over the tables beneath, by the columns of a view as pg_get_viewdef() writes it."""
    columns, _, _ = definition.strip().removeprefix("SELECT ").partition("\n   FROM ")
    spellings = [re.escape(name) for table in tables for name in (table, f'"{table}"')]
    qualifiers = re.compile(rf'(?<![\w"])(?:{"|".join(spellings)})\.')
    found = {}
    for column in columns.split(",\n"):
        expression, is_named, name = qualifiers.sub("", column).strip().rpartition(" AS ")
        found[name.strip('"')] = expression if is_named else name
    return found


def translate(definition: str, columns: Mapping[str, str]) -> str:
    """Return a definition over a view's columns as one over the expressions beneath it; what is in quotes stays."""
    return re.sub(r"'[^']*'|\w+", lambda word: f"({columns[word[0]]})" if word[0] in columns else word[0], definition)


@dataclass(slots=True)
class Beneath:
    """A relation's definition, where it is a view; the tables beneath it, by oid; and their valid indexes."""

    view: str | None = None
    tables: dict[int, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)  # normalized definitions of those that have all rows
    every: set[str] = field(default_factory=set)

    def has(self, name: str, definition: str) -> bool:
        """Return True for an index of this definition.

        Beneath a view one of the script's name is enough: not every view can be read through.
        """
        is_named = self.view is not None and f"{PREFIX}{name}" in self.names
        return is_named or self._translate(definition) in self.every

    def has_key(self, name: str, columns: str) -> bool:
        """Return True for an index of all rows that begins with these columns, or has the script's name."""
        wanted = self._translate(columns)
        return f"{PREFIX}{name}" in self.names or any(f"{each},".startswith(f"{wanted},") for each in self.whole)

    def _translate(self, definition: str) -> str:
        columns = {} if self.view is None else read_view(self.view, self.tables.values())
        return normalize(translate(definition, columns))


def read_indexes(source: Source, relations: Iterable[str]) -> Mapping[str, Beneath]:
    """Return what is beneath each of the relations."""
    there = {relation: Beneath() for relation in relations}
    rows = source.fetch(Statement(INDEXES_BENEATH, (("relations", tuple(there)),)))
    for relation, view, oid, table, name, is_partial, definition in rows:
        found = there[relation]
        found.view = view
        found.tables[oid] = table
        if name is not None:
            found.names.add(name)
            found.every.add(normalize(definition))
            if not is_partial:
                found.whole.add(normalize(definition))
    return there


def find_unserved(relation: str, there: Beneath) -> frozenset[str]:
    """Return what texts of a relation are looked up by that no index in the order of bytes serves."""
    return frozenset(
        expression
        for expression, names in LOOK_UPS[relation].items()
        if not all(there.has(name, INDEXES[name][1]) for name in names)
    )
