"""The bodies that the document allows: PHP's empty list for an empty object, and examples that run on any install."""

import json
from typing import Any

import pytest

from app import create_service
from config.settings import Settings
from tests.support.openapi import Document


@pytest.fixture(scope="module")
def document() -> Document:
    """The document of a service with the lowest of limits."""
    settings = Settings(replica_url="postgresql://nobody@/nothing", default_row_limit=1, max_row_limit=1)
    return Document(create_service(settings).app.test_client().get("/openapi.json").get_json())


@pytest.mark.parametrize(
    ("body", "is_right"),
    [
        ([], True),
        ({}, True),
        ({"search_object": []}, True),
        ({"search_object": {}}, True),
        ([1], False),
        ([{}], False),
        ({"search_object": [1]}, False),
        ({"search_object": {"criteria": {}}}, False),
    ],
)
def test_an_empty_list_stands_for_an_empty_object(document: Document, body: Any, is_right: bool) -> None:
    schema = document.operation["requestBody"]["content"]["application/json"]["schema"]
    assert (not list(document.find_faults(schema, body))) is is_right


def test_every_example_suits_an_install_with_the_lowest_of_limits(document: Document) -> None:
    content = document.operation["requestBody"]["content"]["application/json"]
    assert len(content["examples"]) >= 4
    for example in content["examples"].values():
        assert list(document.find_faults(content["schema"], example["value"])) == []


def test_no_example_of_a_request_names_a_row_of_one_install(document: Document) -> None:
    schemas = document.document["components"]["schemas"]
    asked = [schemas[name] for name in ("TicketQuery", "SearchObject", "Criterion")]
    text = json.dumps([asked, document.operation["requestBody"]])
    assert "example" in text
    assert not any(f'"{name}": 3' in text for name in ("perspective_id", "search_perspective_id", "example"))
    assert '"default"' not in text
