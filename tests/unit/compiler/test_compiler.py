"""A statement that needs names is written in two passes, and the names are resolved once between them."""

from collections.abc import Iterable

from tests.support.golden_cases import FOUND, STAFF
from tickiti_query.catalogue.resolved_names import Key, Relation, ResolvedNames
from tickiti_query.compiler import compile_query, compile_with_names
from tickiti_query.model.perspective import Condition, Perspective

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
