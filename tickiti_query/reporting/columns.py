"""The contract's columns as the replica has them, and the one place where other types and collations are converted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tickiti_query.model.statement import Source, Statement
from tickiti_query.reporting.contract import NAMES, RELATIONS

# What a domain is beneath, through domains over domains. A collation is NULL where it is the database's own.
COLUMNS_THERE = f"""
WITH RECURSIVE columns AS (
    SELECT c.oid, n AS relname, a.attname, a.attnum, a.atttypid, a.atttypmod, a.attcollation
    FROM unnest(ARRAY[{NAMES}]) n
    JOIN pg_class c ON c.oid = to_regclass(n)
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
), beneath (type, base) AS (
    SELECT DISTINCT atttypid, atttypid FROM columns
    UNION ALL
    SELECT b.type, t.typbasetype FROM beneath b JOIN pg_type t ON t.oid = b.base AND t.typtype = 'd'
)
SELECT c.relname, c.attname,
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
FIRST_WITH_DATABASE_VERSIONS = 150000  # as server_version_num has it
SERVER_VERSION = "SELECT CAST(current_setting('server_version_num') AS integer)"
# The collations of the contract's columns. A view's column has the collation of the column beneath it.
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
AS_TEXT, AS_BIGINT = "CAST({0} AS text)", "CAST({0} AS bigint)"
TEXTS, NUMBERS = ("text", "character varying"), ("smallint", "integer", "bigint")
TIME, TIME_WITH_ZONE = "timestamp without time zone", "timestamp with time zone"
# A number beyond 64 bits becomes NULL.
WHOLE = f"CASE WHEN {{0}} >= -9223372036854775808 AND {{0}} < 9223372036854775808 THEN {AS_BIGINT} END"
READ_AS_TEXT = ("json", "jsonb", "uuid", "inet", "cidr", '"char"', *NUMBERS)
TO_TEXT = dict.fromkeys(TEXTS, "{0}") | dict.fromkeys(READ_AS_TEXT, AS_TEXT)
TO_NUMBER = dict.fromkeys(NUMBERS, "{0}") | dict.fromkeys(("numeric", "real", "double precision"), WHOLE)
# the contract's type -> the type beneath -> the conversion, `{0}` for none
CONVERSIONS: Mapping[str, Mapping[str, str]] = {
    **dict.fromkeys(TEXTS, TO_TEXT),
    **dict.fromkeys(NUMBERS, TO_NUMBER | {"oid": AS_BIGINT}),
    "boolean": {"boolean": "{0}"} | dict.fromkeys((*NUMBERS, "numeric"), "({0} <> 0)"),
    TIME: {TIME: "{0}", TIME_WITH_ZONE: "({0} AT TIME ZONE 'UTC')", "date": f"CAST({{0}} AS {TIME})"},
    "date": {"date": "{0}", TIME: "CAST({0} AS date)", TIME_WITH_ZONE: "CAST({0} AT TIME ZONE 'UTC' AS date)"},
    # The service reads jsonb as a text, so a text will do.
    "jsonb": {"jsonb": "{0}"} | dict.fromkeys(("json", "character", *TEXTS), AS_TEXT),
}
# The columns of texts that are compared to the letter and never folded: any collation that is deterministic will do.
EXACT = {
    "personal_access_tokens": {"token", "abilities", "allowed_ip"},
    "tickets": {"status"},
    "perspectives": {"name"},
    "perspective_conditions": {"field", "operator"},
    "perspective_orders": {"field"},
    "perspective_columns": {"field"},
}


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


class UnfitColumnError(ValueError):
    """No conversion gives the contract's values; the message says what the column is, and what would be right."""


def read_relations(source: Source) -> Mapping[str, Mapping[str, ReplicaColumn]]:
    """Return the relations of the contract that are there, each with all its columns by name."""
    found: dict[str, dict[str, ReplicaColumn]] = {}
    for relation, name, readable, type_, *facts in source.fetch(Statement(COLUMNS_THERE)):
        found.setdefault(relation, {})[name] = ReplicaColumn(type_, readable, *facts)
    return found


def find_missing(relations: Mapping[str, Mapping[str, ReplicaColumn]]) -> list[str]:
    """Return the parts of the contract that are missing or not readable, as `relation` or `relation.column`."""
    missing = []
    for relation, columns in RELATIONS.items():
        readable = {name for name, column in relations.get(relation, {}).items() if column.readable}
        lacking = [f"{relation}.{name}" for name in columns if name not in readable]
        missing.extend(lacking if readable else [relation])
    return missing


def find_changed_collations(source: Source) -> list[str]:
    """Return a sentence for each collation by which indexes were sorted, and which the server now sorts otherwise."""
    [(version,)] = source.fetch(Statement(SERVER_VERSION))
    sql = f"{OF_DATABASE if version >= FIRST_WITH_DATABASE_VERSIONS else ''}{OF_COLUMNS}"
    return [
        f"the {what} was made with version {recorded} of its collation library, and the server has {actual}"
        for what, recorded, actual in source.fetch(Statement(sql))
        if actual is not None and actual != recorded
    ]


def convert(name: str, wanted: str, there: ReplicaColumn, *, is_exact: bool = False) -> str | None:
    """Return the SQL that gives a column with the contract's type and the database's collation; None for the column.

    Raise UnfitColumnError where there is none.
    """
    template = CONVERSIONS[wanted].get(there.base) if there.is_built_in else None
    if template is None and wanted in TEXTS and there.category in {"S", "E"}:
        template = AS_TEXT  # of strings of all kinds, and of enums
    if template is None:
        says = "text" if wanted in TEXTS else "a whole number" if wanted in NUMBERS else wanted
        raise UnfitColumnError(f"is {there.type}; the contract says {says}")
    if template == "{0}" and there.is_domain:
        template = AS_TEXT if wanted in TEXTS else f"CAST({{0}} AS {there.base})"
    if wanted in TEXTS and there.collation is not None and not (is_exact and there.is_deterministic):
        template += ' COLLATE "default"'
    return None if template == "{0}" else template.format(name)


def is_relabelled(wanted: str, there: ReplicaColumn) -> bool:
    """Return True where a conversion changes nothing but the type's name, as of a domain: every index still serves."""
    return there.collation is None and there.is_built_in and CONVERSIONS[wanted].get(there.base) == "{0}"


def convert_relations(relations: Mapping[str, Mapping[str, ReplicaColumn]]) -> tuple[Mapping[str, str], Sequence[str]]:
    """Return what stands in for each relation that has a column of another type or collation, a named query.

    The second value has a sentence for each column that no conversion makes the contract's.
    """
    stand_ins, unfit = {}, []
    for relation, there in relations.items():
        listed = {}
        for name, wanted in RELATIONS[relation].items():
            try:
                if name in there:
                    listed[name] = convert(name, wanted, there[name], is_exact=name in EXACT.get(relation, ()))
            except UnfitColumnError as error:
                unfit.append(f"{relation}.{name} {error}")
        if any(sql is not None for sql in listed.values()):
            columns = ", ".join(name if sql is None else f"{sql} AS {name}" for name, sql in listed.items())
            stand_ins[relation] = f"{relation} AS NOT MATERIALIZED (SELECT {columns} FROM {relation})"
    return stand_ins, unfit
