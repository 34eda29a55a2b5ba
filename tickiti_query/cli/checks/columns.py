"""The check of relations and columns: each of the reporting contract is there, readable, and of its type."""

import re
from collections.abc import Iterator, Mapping

from tickiti_query.cli.checks.result import CheckResult, enumerate_some, fault, ok, warning
from tickiti_query.cli.session import Session
from tickiti_query.reporting.columns import ReplicaColumn, ReplicaRelation, read_relations
from tickiti_query.reporting.contract import RELATIONS, write_row_reading
from tickiti_query.reporting.contract_source import EXACT, UnfitColumnError, convert, is_relabelled
from tickiti_query.reporting.expected_indexes import INDEXES, KEYS

SCHEMA = "SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = CAST(:schema AS text)"
TOO_SLOW = {"57014", "55P03"}  # SQLSTATEs
WIDTHS = {"smallint": 2, "integer": 4, "bigint": 8}
FOLDED = "lower({0})"  # an index on it serves these types too, which PostgreSQL itself folds as texts
FOLDED_ALIKE = {"character", "citext", "public.citext"}
MOST_NAMES = 3


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
    there = read_relations(session.source)
    for relation, wanted in RELATIONS.items():
        if relation in there:
            yield from judge_relation(session, relation, wanted, there[relation])
        else:
            yield fault(relation, "is missing")


def judge_relation(
    session: Session, relation: str, wanted: Mapping[str, str], there: ReplicaRelation
) -> Iterator[CheckResult]:
    """Yield a result for each column that is not as it should be; without one, that a row could be read."""
    columns = there.columns
    judged = [judge_column(relation, name, kind, columns.get(name)) for name, kind in wanted.items()]
    results = [result for result in judged if result is not None]
    yield from results
    if any(name not in columns or not columns[name].readable for name in wanted):
        return
    # Rights on the tables beneath a view show only when it is read, and faults of its functions with the first row.
    error = session.try_to_read(write_row_reading([relation]))
    if error is not None and error.pgcode in TOO_SLOW:
        yield warning(relation, "is slow: no row of it was read within the time limit of a statement or a lock")
    elif error is not None:
        yield fault(relation, f"cannot be read: {error.diag.message_primary}")
    elif not results:
        yield ok(relation, f"is there with its {len(wanted)} columns")


def judge_column(relation: str, name: str, wanted: str, there: ReplicaColumn | None) -> CheckResult | None:
    """Return the fault of a column, or what its type costs; None where there is neither."""
    subject = f"{relation}.{name}"
    if there is None:
        return fault(subject, "is missing")
    if not there.readable:
        return fault(subject, "may not be read by the role")
    try:
        converted = convert(name, wanted, there, is_exact=subject in EXACT)
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
    word = re.compile(rf"\b{name}\b")
    definitions = {f"its key ({columns})": columns for columns in KEYS[relation]}
    definitions |= {index: definition for index, (of, definition) in INDEXES.items() if of == relation}
    if is_relabelled(wanted, there):
        return []
    if there.collation is None and there.base in FOLDED_ALIKE:
        folded = FOLDED.format(name)
        definitions = {index: definition.replace(folded, "") for index, definition in definitions.items()}
    return [index for index, definition in definitions.items() if word.search(definition)]
