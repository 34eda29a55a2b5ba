"""The SQL of every field, operator, order, column and mode is what was last read and found good.

A statement that needs names is written in two passes, and the names are resolved once between them.
"""

from collections.abc import Iterable

import pytest

from tests.support.golden_cases import FOLDER, FOUND, STAFF, list_cases
from tickiti_query.catalogue.resolved_names import Key, Relation, ResolvedNames
from tickiti_query.cli.psql_script import write_script
from tickiti_query.compiler import compile_query, compile_with_names
from tickiti_query.model.perspective import Condition, Perspective
from tickiti_query.model.statement import Statement

CASES = dict(list_cases())
BY_NAME = Perspective(1, "Asked", (Condition("queue", "is", ("Returns",)),))
BY_ID = Perspective(1, "Asked", (Condition("queue", "is", (7,)),))


def test_missing_names_are_resolved_once_and_the_statement_is_written_with_them() -> None:
    asked: list[set[Key]] = []

    def resolve(missing: Iterable[Key]) -> ResolvedNames:
        asked.append(set(missing))
        return ResolvedNames(FOUND)

    statement, names = compile_with_names(BY_NAME, (), STAFF, 100, resolve)
    assert asked == [{(Relation.QUEUES_NAMED, "Returns")}]
    assert statement == compile_query(BY_NAME, (), STAFF, 100, ResolvedNames(FOUND))
    assert statement != compile_query(BY_NAME, (), STAFF, 100, ResolvedNames())
    assert (names.found, names.missing) == (FOUND, set())


def test_a_statement_that_needs_no_names_asks_for_none() -> None:
    def resolve(missing: Iterable[Key]) -> ResolvedNames:
        raise AssertionError(set(missing))

    statement, names = compile_with_names(BY_ID, (), STAFF, 100, resolve)
    assert statement == compile_query(BY_ID, (), STAFF, 100, ResolvedNames())
    assert not names.found


@pytest.mark.parametrize("name", CASES)
def test_the_statement_is_the_golden_one(name: str) -> None:
    statement: Statement = CASES[name]
    expected = (FOLDER / f"{name}.sql").read_text("utf-8")
    assert write_script(statement) == expected, "if this change is meant: python -m tests.support.golden_cases"


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in FOLDER.glob("*.sql")} == set(CASES)
