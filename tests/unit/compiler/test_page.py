"""The SQL of every field, operator, order, column and mode is what was last read and found good.

Where rules need names, the names are resolved once, and the rules are read again.
"""

from collections.abc import Iterable

import pytest

from tests.support.golden_cases import FOLDER, FOUND, STAFF, compile_found, list_cases
from tickiti_query.catalogue.field import Field
from tickiti_query.catalogue.fields import FIELDS
from tickiti_query.catalogue.predicate import Name, Names, Relation
from tickiti_query.catalogue.reference import write_reference
from tickiti_query.cli.explain import write_script
from tickiti_query.compiler.page import compile_query
from tickiti_query.compiler.rules import FEW_JOINS, MOST_VALUES, read_criteria
from tickiti_query.model.errors import UnsupportedPerspective
from tickiti_query.model.perspective import Condition, Criterion, Order, Perspective
from tickiti_query.model.statement import Statement

CASES = dict(list_cases())
BY_NAME = Perspective(1, "Asked", (Condition("queue", "is", ("Returns",)),))
BY_QUEUE_2 = Perspective(1, "Asked", (Condition("queue", "is", (2,)),))
BY_ID = Perspective(1, "Asked", (Condition("queue", "is", (7,)),))


def refuse(needed: Iterable[Name]) -> Names:
    raise AssertionError(set(needed))


def test_needed_names_are_resolved_once_and_the_statement_is_written_with_them() -> None:
    asked: list[set[Name]] = []

    def resolve(needed: Iterable[Name]) -> Names:
        asked.append(set(needed))
        return FOUND

    statement, names = compile_query(BY_NAME, (), STAFF, 100, resolve)
    assert asked == [{(Relation.QUEUES_NAMED, "Returns")}]
    assert statement == compile_query(BY_QUEUE_2, (), STAFF, 100, refuse)[0]
    assert names == FOUND


def test_a_statement_that_needs_no_names_asks_for_none() -> None:
    _, names = compile_query(BY_ID, (), STAFF, 100, refuse)
    assert not names


@pytest.mark.parametrize("field", FIELDS.values(), ids=lambda field: field.name)
def test_no_column_and_no_order_needs_names_for_these_are_resolved_before(field: Field) -> None:
    perspective = Perspective(
        1,
        "Asked",
        orders=(Order(field.name, ascending=True),) if field.order else (),
        columns=(field.name,) if field.column else (),
    )
    _, names = compile_query(perspective, (), STAFF, 100, refuse)
    assert not names


@pytest.mark.parametrize("name", CASES)
def test_the_statement_is_the_golden_one(name: str) -> None:
    statement: Statement = CASES[name]
    expected = (FOLDER / f"{name}.sql").read_text("utf-8")
    assert write_script(statement) == expected, "if this change is meant: python -m tests.support.golden_cases"


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in FOLDER.glob("*.sql")} == set(CASES)


def compile_conditions(*conditions: Condition) -> Statement:
    return compile_found(Perspective(1, "Asked", conditions))


@pytest.mark.parametrize(
    ("field", "operator"),
    [("hashtag", "is"), ("hashtag", "is not"), ("subject", "contains"), ("subject", "does not contain")],
)
def test_conditions_of_one_field_and_operator_are_one(field: str, operator: str) -> None:
    apart = compile_conditions(*(Condition(field, operator, (value,)) for value in ("a", "b", "c")))
    assert apart == compile_conditions(Condition(field, operator, ("a", "b", "c")))
    assert apart.sql.count("EXISTS") == (field == "hashtag")


def test_a_condition_without_a_value_is_not_lost_beside_others() -> None:
    tagged = Condition("hashtag", "is", ("vip",))
    with pytest.raises(UnsupportedPerspective, match="no value"):
        compile_conditions(tagged, Condition("hashtag", "is", ()), tagged)


def test_more_values_than_the_bound_are_refused_wherever_they_stand() -> None:
    most = tuple(f"tag{number}" for number in range(MOST_VALUES))
    compile_conditions(Condition("hashtag", "is", most), Condition("hashtag", "is not", most))
    with pytest.raises(UnsupportedPerspective, match=f"{MOST_VALUES + 1} values.* at most"):
        compile_conditions(Condition("hashtag", "is", most), Condition("hashtag", "is", ("vip",)))
    assert f"more than {MOST_VALUES:,} values" in write_reference()


def test_many_patterns_fold_the_text_once() -> None:
    words = tuple(f"word {number}" for number in range(100))
    assert compile_conditions(Condition("content", "contains", words)).sql.count("lower(r.plain_text)") == 1


def test_few_of_many_texts_that_must_all_be_there_become_joins() -> None:
    searches = read_criteria([Criterion("content", tuple(f"word {number}" for number in range(100)))])
    statement = compile_found(Perspective(1, "Asked"), searches)
    assert (statement.sql.count("EXISTS"), statement.sql.count("IS TRUE")) == (100, 100 - FEW_JOINS)


def test_a_field_orders_once() -> None:
    orders = (Order("status", ascending=True), Order("number", ascending=True), Order("status", ascending=False))
    twice, once = (Perspective(1, "Asked", orders=each) for each in (orders, orders[:2]))
    assert compile_found(twice) == compile_found(once)
