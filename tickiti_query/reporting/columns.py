"""The contract's relations as the replica has them, from PostgreSQL's catalogue, and what tells that they changed."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from tickiti_query.model.statement import Source, Statement
from tickiti_query.reporting.contract import RELATIONS

NAMES = ", ".join(f"'{relation}'" for relation in RELATIONS)
# Which relations our statements find by their names, of which kinds they are, and which transaction last wrote each of
# their columns, rules and indexes. Not to be read as a value: it is another one after each change of these.
STATE = Statement(
    f"""
SELECT concat_ws('/', r.oids,
       (SELECT array_agg(c.oid) FILTER (WHERE c.relkind = 'v' OR c.relrowsecurity OR c.relhassubclass)
        FROM pg_class c WHERE c.oid = ANY (r.oids)),
       (SELECT array_agg(a.xmin) FROM pg_attribute a WHERE a.attrelid = ANY (r.oids) AND a.attnum > 0),
       (SELECT array_agg(w.xmin) FROM pg_rewrite w WHERE w.ev_class = ANY (r.oids)),
       (SELECT array_agg(i.xmin) FROM pg_index i WHERE i.indrelid = ANY (r.oids)))
FROM (SELECT ARRAY(SELECT CAST(to_regclass(n) AS oid) FROM unnest(ARRAY[{NAMES}]) n) AS oids) r
""",
    is_repeated=True,
)
# The same of some relations, and of the indexes of some tables, for a plan that needs no others. Where a relation gets
# another name, a prepared statement is planned again, and finds the one that has the name then.
GUARD = """
SELECT (SELECT array_agg(a.xmin) FROM pg_attribute a
        WHERE a.attrelid = ANY (CAST(ARRAY[{relations}] AS oid[])) AND a.attnum > 0),
       (SELECT array_agg(i.xmin) FROM pg_index i WHERE i.indrelid = ANY (CAST(ARRAY[{tables}] AS oid[])))"""
OF_VIEWS = """,
       (SELECT array_agg(w.xmin) FROM pg_rewrite w WHERE w.ev_class = ANY (CAST(ARRAY[{relations}] AS oid[])))"""
# What a domain is beneath, through domains over domains. A collation is NULL where it is the database's own.
COLUMNS = f"""
WITH RECURSIVE columns AS (
    SELECT c.oid, c.relname, c.relkind, a.attname, a.attnum, a.atttypid, a.atttypmod, a.attcollation
    FROM unnest(ARRAY[{NAMES}]) n
    JOIN pg_class c ON c.oid = to_regclass(n)
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
), beneath (type, base) AS (
    SELECT DISTINCT atttypid, atttypid FROM columns
    UNION ALL
    SELECT b.type, t.typbasetype FROM beneath b JOIN pg_type t ON t.oid = b.base AND t.typtype = 'd'
)
SELECT c.relname, CAST(c.relkind AS text), c.attname,
       has_column_privilege(c.oid, c.attnum, 'SELECT'),
       format_type(c.atttypid, c.atttypmod), c.atttypid <> b.base,
       format_type(b.base, NULL), CAST(t.typcategory AS text), n.nspname = 'pg_catalog',
       l.collname, COALESCE(l.collisdeterministic, TRUE)
FROM columns c
JOIN beneath b ON b.type = c.atttypid
JOIN pg_type t ON t.oid = b.base AND t.typtype <> 'd'
JOIN pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN pg_collation l ON l.oid = c.attcollation AND l.collname <> 'default'
ORDER BY c.oid, c.attnum
"""


@dataclass(frozen=True, slots=True)
class ReplicaColumn:
    """A column as the replica has it.

    `type` is its type with a length, `base` the one beneath domains, without one; `category` is PostgreSQL's letter for
    kinds of types. `collation` is None where it is the database's own, or where the type has none.
    """

    type: str
    readable: bool = True
    is_domain: bool = False
    base: str = ""
    category: str = ""
    is_built_in: bool = True
    collation: str | None = None
    is_deterministic: bool = True


@dataclass(frozen=True, slots=True)
class ReplicaRelation:
    """A relation of the contract as the replica has it: `kind` is PostgreSQL's letter, such as `v` for a view."""

    kind: str
    columns: Mapping[str, ReplicaColumn]


def read_state(source: Source) -> str:
    """Return a text that is another one after each change of the contract's relations."""
    [(state,)] = source.fetch(STATE)
    return str(state)


def write_guard(
    relations: Iterable[str], indexed: Collection[str] = (), views: Collection[str] = (), tables: Iterable[int] = ()
) -> Statement:
    """Return the statement that gives other values after each change of these relations.

    The indexes of those that are `indexed` count, and those of `tables`, the oids of what is beneath `views`.
    """
    named = {relation: f"CAST('{relation}' AS regclass)" for relation in sorted(relations)}
    own = [name for relation, name in named.items() if relation in indexed and relation not in views]
    beneath = [f"CAST({oid} AS regclass)" for oid in tables]
    sql = GUARD + (OF_VIEWS if named.keys() & set(views) else "")
    return Statement(sql.format(relations=", ".join(named.values()), tables=", ".join(own + beneath)))


def read_relations(source: Source) -> Mapping[str, ReplicaRelation]:
    """Return the relations of the contract that are there, and all their columns."""
    found: dict[str, ReplicaRelation] = {}
    columns: dict[str, dict[str, ReplicaColumn]] = {}
    for relation, kind, name, readable, type_, *facts in source.fetch(Statement(COLUMNS)):
        relations_columns = columns.setdefault(relation, {})
        relations_columns[name] = ReplicaColumn(type_, readable, *facts)
        found.setdefault(relation, ReplicaRelation(kind, relations_columns))
    return found


def find_missing(relations: Mapping[str, ReplicaRelation]) -> list[str]:
    """Return the parts of the contract that are missing or not readable, as `relation` or `relation.column`."""
    missing = []
    for relation, columns in RELATIONS.items():
        there = relations[relation].columns if relation in relations else {}
        readable = {name for name, column in there.items() if column.readable}
        lacking = [f"{relation}.{name}" for name in columns if name not in readable]
        missing.extend(lacking if readable else [relation])
    return missing
