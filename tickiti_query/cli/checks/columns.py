"""The check of relations and columns: each of the reporting contract is there, readable, and of its type."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tickiti_query.cli.checks.result import CheckResult, fault, ok, warning
from tickiti_query.cli.session import Session
from tickiti_query.reporting.contract import RELATIONS, write_row_reading

SCHEMA = "SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = CAST(:schema AS text)"
# A domain counts as the type beneath it, as it does on the wire.
COLUMNS = """
SELECT c.relname, a.attname, has_column_privilege(c.oid, a.attnum, 'SELECT'),
       format_type(CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END, NULL)
FROM pg_namespace n
JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
WHERE n.nspname = CAST(:schema AS text)
"""
# citext is none of them: its own comparisons ignore case where the contract's names do not.
STRINGS = {"text", "character varying", "character"}
TOO_SLOW = {"57014", "55P03"}  # SQLSTATEs
WIDTHS = {"smallint": 2, "integer": 4, "bigint": 8}


@dataclass(frozen=True, slots=True)
class ReplicaColumn:
    """A column that is there: its type, and the role's right to read it."""

    type: str
    readable: bool


def check_columns(session: Session) -> Iterator[CheckResult]:
    """Yield the results for the contract, relation by relation."""
    schema = session.settings.replica_schema
    usable = session.fetch(SCHEMA, schema=schema)
    if not usable:
        yield fault(f"schema {schema}", "is not there, and so nothing of the contract")
        return
    if usable == [(False,)]:
        yield fault(f"schema {schema}", "the role has no USAGE on it, and so can read nothing of the contract")
        return
    there: dict[str, dict[str, ReplicaColumn]] = {}
    for relation, column, readable, kind in session.fetch(COLUMNS, schema=schema):
        there.setdefault(relation, {})[column] = ReplicaColumn(kind, readable)
    for relation, wanted in RELATIONS.items():
        if relation in there:
            yield from judge_relation(session, relation, wanted, there[relation])
        else:
            yield fault(relation, "is missing")


def judge_relation(
    session: Session, relation: str, wanted: Mapping[str, str], there: Mapping[str, ReplicaColumn]
) -> Iterator[CheckResult]:
    """Yield a result for each column with a fault; without a fault, one that says whether a row could be read."""
    judged = [judge_column(f"{relation}.{column}", kind, there.get(column)) for column, kind in wanted.items()]
    results = [result for result in judged if result is not None]
    yield from results
    if any(column not in there or not there[column].readable for column in wanted):
        return
    # Rights on the tables beneath a view show only when it is read, and faults of its functions with the first row.
    error = session.try_to_read(write_row_reading([relation]))
    if error is not None and error.pgcode in TOO_SLOW:
        yield warning(relation, "is slow: no row of it was read within the time limit of a statement or a lock")
    elif error is not None:
        yield fault(relation, f"cannot be read: {error.diag.message_primary}")
    elif not results:
        yield ok(relation, f"is there with its {len(wanted)} columns")


def judge_column(subject: str, wanted: str, there: ReplicaColumn | None) -> CheckResult | None:
    """Return the fault of a column; None where it has none."""
    if there is None:
        return fault(subject, "is missing")
    if not there.readable:
        return fault(subject, "may not be read by the role")
    if there.type == wanted or {there.type, wanted} <= STRINGS:
        return None
    if {there.type, wanted} <= WIDTHS.keys():
        if WIDTHS[there.type] < WIDTHS[wanted]:
            return None
        return warning(subject, f"is {there.type}, wider than the contract's {wanted}")
    return fault(subject, f"is {there.type}; the contract says {wanted}")
