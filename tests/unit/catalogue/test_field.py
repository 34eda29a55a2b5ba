"""A field is one entry of the catalogue: conditions, criteria, orders, columns and documents follow from it."""

from functools import partial

import pytest

from schemas.ticket_list import make_row_schema
from tests.support.golden_cases import ANN, STAFF
from tickiti_query.catalogue.field import Catalogue, Field, Mode, make_catalogue, text_column, text_key
from tickiti_query.catalogue.fields import FIELDS
from tickiti_query.catalogue.matching import contain_text, match_text
from tickiti_query.catalogue.predicate import Comparison, ResolvedNames
from tickiti_query.catalogue.reference import write_reference
from tickiti_query.catalogue.values import read_text
from tickiti_query.compiler import compile_query
from tickiti_query.compiler.rules import read_criteria
from tickiti_query.http.openapi import describe
from tickiti_query.model.errors import UnsupportedPerspective, ValidationFailed
from tickiti_query.model.perspective import Condition, Criterion, Order, Perspective

IN_COLOUR = Comparison(read_text, partial(contain_text, "t.colour", "colour"))
TOY = Field(
    name="colour",
    values="the shoe's colour",
    column=text_column("t.colour", "Red", nullable=True),
    order=text_key("t.colour", nullable=True),
    equals=Comparison(read_text, partial(match_text, "t.colour", "colour")),
    modes=[Mode("colour", "part of a colour", IN_COLOUR, text=True)],
)
WITH_TOY = make_catalogue([*FIELDS.fields.values(), TOY])
USES = {
    "a condition": Perspective(1, "Toy", conditions=(Condition("colour", "is not", ("Red",)),)),
    "an order": Perspective(1, "Toy", orders=(Order("colour", ascending=True),)),
    "a column": Perspective(1, "Toy", columns=("colour",)),
}
SQL = {
    "a condition": 'AND (lower(t.colour) COLLATE "C" = lower(CAST(:colour_1 AS text))) IS NOT TRUE',
    "an order": 'ORDER BY lower(t.colour) COLLATE "C" ASC NULLS LAST, t.id DESC',
    "a column": "t.colour AS colour",
}


def compile_with(catalogue: Catalogue, perspective: Perspective) -> str:
    return compile_query(perspective, (), STAFF, 100, ResolvedNames(), catalogue).sql


@pytest.mark.parametrize("use", USES)
def test_one_entry_serves(use: str) -> None:
    with pytest.raises(UnsupportedPerspective):
        compile_with(FIELDS, USES[use])
    assert SQL[use] in compile_with(WITH_TOY, USES[use])


def test_one_entry_serves_a_criterion() -> None:
    criteria = [Criterion("colour", ("Red", "blue"))]
    with pytest.raises(ValidationFailed):
        read_criteria(criteria, FIELDS)
    perspective = Perspective(None, "All", subject=ANN)
    searches = read_criteria(criteria, WITH_TOY)
    sql = compile_query(perspective, searches, STAFF, 100, ResolvedNames(), WITH_TOY).sql
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
