"""A field is one entry of the catalogue: conditions, criteria, orders, columns and documents follow from it."""

from collections.abc import Callable
from functools import partial

import pytest

from schemas.answers import make_row_schema
from tests.support.golden_cases import ANN, compile_found
from tickiti_query.catalogue.field import Catalogue, Column, Field, Kind, Mode, text_key
from tickiti_query.catalogue.fields import FIELDS
from tickiti_query.catalogue.predicate import Comparison, contain_text, match_text
from tickiti_query.catalogue.reference import write_reference
from tickiti_query.catalogue.values import read_text
from tickiti_query.compiler import page, rules
from tickiti_query.http.openapi import describe
from tickiti_query.model.errors import UnsupportedPerspective, ValidationFailed
from tickiti_query.model.perspective import Condition, Criterion, Order, Perspective

IN_COLOUR = Comparison(read_text, partial(contain_text, "t.colour", "colour"))
TOY = Field(
    name="colour",
    values="the shoe's colour",
    column=Column("t.colour", Kind.TEXT, "Red", nullable=True),
    order=text_key("t.colour", nullable=True),
    equals=Comparison(read_text, partial(match_text, "t.colour", "colour")),
    modes=[Mode("colour", "part of a colour", IN_COLOUR, text=True)],
)
WITH_TOY = Catalogue([*FIELDS.fields.values(), TOY])
USES = {
    "a condition": Perspective(1, "Toy", conditions=(Condition("colour", "is not", ("Red",)),)),
    "an order": Perspective(1, "Toy", orders=(Order("colour", ascending=True),)),
    "a column": Perspective(1, "Toy", columns=("colour",)),
}
Compile = Callable[..., str]
SQL = {
    "a condition": 'AND (lower(t.colour) COLLATE "C" = lower(CAST(:colour_1 AS text))) IS NOT TRUE',
    "an order": 'ORDER BY lower(t.colour) COLLATE "C" ASC NULLS LAST, t.id DESC',
    "a column": "t.colour AS colour",
}


@pytest.fixture
def compile_with(monkeypatch: pytest.MonkeyPatch) -> Compile:
    """The compiler, with another catalogue."""

    def compile_sql(catalogue: Catalogue, perspective: Perspective, *criteria: Criterion) -> str:
        for module in (rules, page):
            monkeypatch.setattr(module, "FIELDS", catalogue)
        return compile_found(perspective, rules.read_criteria(criteria)).sql

    return compile_sql


@pytest.mark.parametrize("use", USES)
def test_one_entry_serves(use: str, compile_with: Compile) -> None:
    with pytest.raises(UnsupportedPerspective):
        compile_with(FIELDS, USES[use])
    assert SQL[use] in compile_with(WITH_TOY, USES[use])


def test_one_entry_serves_a_criterion(compile_with: Compile) -> None:
    perspective, criterion = Perspective(None, "All", subject=ANN), Criterion("colour", ("Red", "blue"))
    with pytest.raises(ValidationFailed):
        compile_with(FIELDS, perspective, criterion)
    sql = compile_with(WITH_TOY, perspective, criterion)
    assert "AND (lower(t.colour) LIKE lower(CAST(:colour_1 AS text)) AND lower(t.colour) LIKE " in sql


def test_one_entry_is_documented() -> None:
    page = write_reference(WITH_TOY)
    assert "| `colour` | the shoe's colour | `is`, `is not` |" in page
    assert "| `colour` | part of a colour | all must match; any with `match: any` |" in page
    assert "colour" not in write_reference(FIELDS)
    described = describe(WITH_TOY)["API_SPEC_OPTIONS"]["info"]["description"]
    assert "| `colour` | part of a colour |" in described
    assert "colour" in make_row_schema(WITH_TOY)().fields
    assert "colour" not in make_row_schema(FIELDS)().fields
