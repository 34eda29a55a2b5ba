"""The checks of the contract: its relations and columns are there, readable, of their types, not NULL and cacheable."""

import re
from collections.abc import Iterator, Mapping

import psycopg2

from tickiti_query.cli.checks import CheckResult, enumerate_some, fault, ok, warning
from tickiti_query.cli.session import Session
from tickiti_query.model.statement import Statement
from tickiti_query.replica.database_errors import is_lost
from tickiti_query.reporting.columns import (
    EXACT,
    ReplicaColumn,
    UnfitColumnError,
    convert,
    is_relabelled,
    read_relations,
)
from tickiti_query.reporting.contract import NULLABLE, RELATIONS, write_row_reading
from tickiti_query.reporting.expected_indexes import INDEXES, KEYS
from tickiti_query.reporting.view_rules import read_view_rules

SCHEMA = "SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = CAST(:schema AS text)"
# The columns that are there and may be NULL; of a view, PostgreSQL says so of every column.
NULLABLE_THERE = """
SELECT c.relname, array_agg(a.attname ORDER BY a.attnum)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND NOT a.attnotnull
WHERE c.oid = ANY (ARRAY(SELECT CAST(to_regclass(n) AS oid) FROM unnest(CAST(:names AS text[])) n))
  AND has_column_privilege(c.oid, a.attnum, 'SELECT')
GROUP BY c.relname
"""
TOO_SLOW = {"57014", "55P03"}  # SQLSTATEs
WIDTHS = {"smallint": 2, "integer": 4, "bigint": 8}
FOLDED_ALIKE = {"character", "citext", "public.citext"}  # PostgreSQL itself folds them as texts, and an index serves
MOST_NAMES = 3


def check_columns(session: Session) -> Iterator[CheckResult]:
    """Yield the results for the contract, relation by relation."""
    schema = session.settings.replica_schema
    usable = session.fetch(Statement(SCHEMA, (("schema", schema),)))
    if usable != [(True,)]:
        no_usage = "the role has no USAGE on it, and so can read nothing of the contract"
        yield fault(f"schema {schema}", no_usage if usable else "is not there, and so nothing of the contract")
        return
    there = read_relations(session)
    for relation, wanted in RELATIONS.items():
        if relation in there:
            yield from judge_relation(session, relation, wanted, there[relation])
        else:
            yield fault(relation, "is missing")


def judge_relation(
    session: Session, relation: str, wanted: Mapping[str, str], columns: Mapping[str, ReplicaColumn]
) -> Iterator[CheckResult]:
    """Yield a result for each column that is not as it should be; without one, that a row could be read."""
    judged = [judge_column(relation, name, kind, columns.get(name)) for name, kind in wanted.items()]
    results = [result for result in judged if result is not None]
    yield from results
    if any(name not in columns or not columns[name].readable for name in wanted):
        return
    # Rights on the tables beneath a view show only when it is read, and faults of its functions with the first row.
    try:
        session.fetch(Statement(write_row_reading([relation])))
    except psycopg2.Error as error:
        if is_lost(error, session.connection):
            raise
        if error.pgcode in TOO_SLOW:
            yield warning(relation, "is slow: no row of it was read within the time limit of a statement or a lock")
        else:
            yield fault(relation, f"cannot be read: {error.diag.message_primary}")
        return
    if not results:
        yield ok(relation, f"is there with its {len(wanted)} columns")


def judge_column(relation: str, name: str, wanted: str, there: ReplicaColumn | None) -> CheckResult | None:
    """Return the fault of a column, or what its type costs; None where there is neither."""
    subject = f"{relation}.{name}"
    if there is None:
        return fault(subject, "is missing")
    if not there.readable:
        return fault(subject, "may not be read by the role")
    try:
        converted = convert(name, wanted, there, is_exact=name in EXACT.get(relation, ()))
    except UnfitColumnError as reason:
        return fault(subject, f"{reason}; let a view give it as that")
    if converted is None:
        is_wider = WIDTHS.get(there.base, 0) > WIDTHS.get(wanted, 8)
        return warning(subject, f"is {there.type}, wider than the contract's {wanted}") if is_wider else None
    lost = list_lost(relation, name, wanted, there)
    if not lost:
        return None
    what = there.type if there.collation is None else f'{there.type} COLLATE "{there.collation}"'
    names = enumerate_some(lost, MOST_NAMES)
    return warning(subject, f"is {what}, read as {converted}: that costs {names}; make it {wanted}")


def list_lost(relation: str, name: str, wanted: str, there: ReplicaColumn) -> list[str]:
    """Return the keys and indexes of the contract that do not serve a converted column."""
    if is_relabelled(wanted, there):
        return []
    is_folded_alike = there.collation is None and there.base in FOLDED_ALIKE
    lost = re.compile(rf"(?<!lower\()\b{name}\b" if is_folded_alike else rf"\b{name}\b")
    definitions = {f"its key ({columns})": columns for columns in KEYS[relation]}
    definitions |= {index: definition for index, (of, definition) in INDEXES.items() if of == relation}
    return [index for index, definition in definitions.items() if lost.search(definition)]


def check_nulls(session: Session) -> Iterator[CheckResult]:
    """Yield a warning for each column with a NULL that the contract does not have. Each relation is read through."""
    for relation, there in sorted(session.fetch(Statement(NULLABLE_THERE, (("names", tuple(RELATIONS)),)))):
        columns = [name for name in RELATIONS[relation] if name in there and name not in NULLABLE[relation]]
        if columns:
            yield from judge_rows(session, relation, columns)


def judge_rows(session: Session, relation: str, columns: list[str]) -> Iterator[CheckResult]:
    """Yield a warning for each of the columns that has a NULL. Another check says where a relation cannot be read."""
    found = ", ".join(f"COALESCE(bool_or({column} IS NULL), FALSE)" for column in columns)
    try:
        [row] = session.fetch(Statement(f"SELECT {found} FROM {relation}"))
    except psycopg2.Error as error:
        if error.pgcode is None:
            raise
        if error.pgcode in TOO_SLOW:
            yield warning(relation, "was not looked through for NULLs within the time limit of a statement or a lock")
        return
    advice = "is NULL in a row, and the contract has a value in each: let the view give one, or leave the row out"
    for column, has_null in zip(columns, row, strict=True):
        if has_null:
            yield warning(f"{relation}.{column}", advice)


def check_cacheable(session: Session) -> Iterator[CheckResult]:
    """Yield a warning for each relation that no cached answer can be made of."""
    for relation, words in read_view_rules(session).uncacheable.items():
        result = f"reads {words}, which changes without a commit: answers that need the relation are not cached"
        yield warning(relation, result)
