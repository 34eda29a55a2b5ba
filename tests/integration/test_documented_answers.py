"""Every answer of every perspective of the shop is as /openapi.json says: its rows, its columns, its headers."""

import json
from typing import Any

import pytest

from demo.shop_seed import VIEWS
from tests.support.openapi import Document
from tests.support.shop import BLUNT, MARCUS, PRIYA, TOM, Shop
from tickiti_query.catalogue.fields import CORE, FIELDS


@pytest.fixture(scope="module")
def document(shop: Shop) -> Document:
    return Document(shop.app.test_client().get("/openapi.json").get_json())


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view["name"])
def test_every_perspective_answers_as_the_document_says(shop: Shop, document: Document, view: dict[str, Any]) -> None:
    with shop.add_token(tokenable_id=view.get("owner_id", 1)) as (_, owners):
        answers = [shop.ask(token, {"perspective_id": view["id"]}) for token in (PRIYA, TOM, MARCUS, BLUNT, owners)]
    for answer in answers:
        document.check(answer)
    assert 200 in [answer.status_code for answer in answers], "nobody has this perspective"


def test_rows_with_every_column_are_as_the_document_says(shop: Shop, document: Document) -> None:
    own = [field.name for field in FIELDS.values() if field.column and not field.core]
    columns = ", ".join(f"(900, {place}, '{name}')" for place, name in enumerate(own))
    do = f"INSERT INTO perspective_columns (perspective_id, position, field) VALUES {columns}"
    undo = "DELETE FROM perspective_columns WHERE perspective_id = 900"
    with shop.add_row("perspectives", id=900, name="Wide", shared=True), shop.change(do, undo):
        answer = shop.ask(TOM, {"perspective_id": 900, "row_limit": 5000})
    document.check(answer)
    rows = json.loads(answer.data)["data"]
    assert len(rows) > 100
    assert all(list(row) == [*CORE, *own] for row in rows)
