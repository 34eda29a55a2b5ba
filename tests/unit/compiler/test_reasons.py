"""The statement behind `why` asks with the list's own predicates, and has something to show of every field."""

from collections.abc import Sequence

import pytest

from tests.support.golden_cases import FOUND, SAMPLES, STAFF, TOKENS, compile_found
from tickiti_query.catalogue.field import Field
from tickiti_query.catalogue.fields import FIELDS, MODES
from tickiti_query.compiler.page import compile_query
from tickiti_query.compiler.reasons import MOST_CONDITIONS, Reasons, compile_reasons
from tickiti_query.compiler.rules import Search, read_criteria
from tickiti_query.model.perspective import Condition, Criterion, Order, Perspective

FIELDS_WITH_CONDITIONS = [field for field in FIELDS.values() if field.equals or field.contains]
# Conditions on the queue alone are folded into the scope.
NOT_OF_THE_SCOPE = [field for field in FIELDS_WITH_CONDITIONS if field.name not in {"queue", "inbox"}]
ORDERS = [name for name, field in FIELDS.items() if field.order]
PLACES = tuple(range(1_664))  # a row that has in each column the place of the column


def read_places(perspective: Perspective, searches: Sequence[Search] = ()) -> Reasons:
    return compile_reasons(perspective, searches, STAFF, 220009, FOUND)[1](PLACES)


@pytest.mark.parametrize("field", FIELDS_WITH_CONDITIONS, ids=lambda field: field.name)
def test_every_field_shows_what_a_ticket_has_of_it(field: Field) -> None:
    name = field.name
    operator = "is" if field.equals else "contains"
    perspective = Perspective(1, "Asked", (Condition(name, operator, SAMPLES.get(name, (True,))),))
    [has] = [reason.has for reason in read_places(perspective).rulings[0].reasons]
    assert has is not None


@pytest.mark.parametrize("name", MODES)
def test_every_mode_shows_what_a_ticket_has_of_it(name: str) -> None:
    tokens = TOKENS.get(name, ("2026-05-01",) if name.endswith(("_from", "_to")) else ("carbon", "plate"))
    searches = read_criteria([Criterion(name, tokens)])
    [has] = [reason.has for reason in read_places(Perspective(1, "Asked"), searches).rulings[0].reasons]
    assert has is not None


def test_every_order_shows_what_a_ticket_has_of_it() -> None:
    perspective = Perspective(1, "Asked", orders=tuple(Order(name, ascending=True) for name in ORDERS))
    assert None not in [place for _, place in read_places(perspective).order]


@pytest.mark.parametrize("field", NOT_OF_THE_SCOPE, ids=lambda field: field.name)
def test_the_truth_of_a_condition_is_the_predicate_of_the_list(field: Field) -> None:
    name = field.name
    operator = "is not" if field.equals else "does not contain"
    perspective = Perspective(1, "Asked", (Condition(name, operator, SAMPLES.get(name, (True,))),))
    listed = compile_found(perspective)
    predicate = listed.sql.partition("bigint[]))\n  AND ")[2].partition("\nORDER BY")[0]
    statement, _ = compile_reasons(perspective, (), STAFF, 220009, FOUND)
    assert predicate
    assert f"({predicate}) IS TRUE" in statement.sql


@pytest.mark.parametrize("name", ["inbox", "for_attention"])
@pytest.mark.parametrize("values", [[(True, False)], [(True,), (False,)]])
def test_the_names_of_a_list_are_enough_to_show_what_a_ticket_has(name: str, values: list[tuple[bool, ...]]) -> None:
    conditions = [Condition("queue", "is", ("Returns",)), *(Condition(name, "is", each) for each in values)]
    perspective = Perspective(1, "Asked", tuple(conditions))
    listed, names = compile_query(perspective, (), STAFF, 100, lambda asked: {each: FOUND[each] for each in asked})
    assert "AND TRUE" in listed.sql
    rulings = compile_reasons(perspective, (), STAFF, 220009, names)[1](PLACES).rulings
    assert sorted(len(ruling.reasons) for ruling in rulings) == sorted([1, len(values)])


def test_so_many_conditions_are_shown_as_one_that_a_select_has_columns_for_them() -> None:
    conditions = [Condition("hashtag", "is", (f"tag{number}",)) for number in range(2 * MOST_CONDITIONS)]
    for kept, shown in ((MOST_CONDITIONS, MOST_CONDITIONS), (2 * MOST_CONDITIONS, 1)):
        perspective = Perspective(1, "Asked", tuple(conditions[:kept]))
        assert len(read_places(perspective).rulings[0].reasons) == shown
