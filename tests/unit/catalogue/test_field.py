"""A field is one entry of the catalogue: conditions, criteria, orders, columns and documents follow from it."""

from functools import partial

import pytest

from schemas.answers import make_row_schema
from tests.support.golden_cases import ANN, compile_found
from tickiti_query.catalogue.field import Column, Field, Kind, Mode, text_key
from tickiti_query.catalogue.fields import FIELDS, MODES
from tickiti_query.catalogue.predicate import Comparison, contain_text, match_text
from tickiti_query.catalogue.reference import write_reference
from tickiti_query.catalogue.values import read_text
from tickiti_query.compiler.rules import read_criteria
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


def add_toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FIELDS, TOY.name, TOY)
    monkeypatch.setitem(MODES, "colour", TOY.modes[0])


@pytest.mark.parametrize("use", USES)
def test_one_entry_serves(use: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnsupportedPerspective):
        compile_found(USES[use])
    add_toy(monkeypatch)
    assert SQL[use] in compile_found(USES[use]).sql


def test_one_entry_serves_a_criterion(monkeypatch: pytest.MonkeyPatch) -> None:
    criteria = [Criterion("colour", ("Red", "blue"))]
    with pytest.raises(ValidationFailed):
        read_criteria(criteria)
    add_toy(monkeypatch)
    sql = compile_found(Perspective(None, "All", subject=ANN), read_criteria(criteria)).sql
    assert "AND (lower(t.colour) LIKE lower(CAST(:colour_1 AS text)) AND lower(t.colour) LIKE " in sql


def test_one_entry_is_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "colour" not in write_reference()
    assert "colour" not in make_row_schema()().fields
    add_toy(monkeypatch)
    page = write_reference()
    assert "| `colour` | the shoe's colour | `is`, `is not` |" in page
    assert "| `colour` | part of a colour | all must match; any with `match: any` |" in page
    described = describe()["API_SPEC_OPTIONS"]["info"]["description"]
    assert "| `colour` | part of a colour |" in described
    assert "colour" in make_row_schema()().fields
