"""/openapi.json and /docs: complete, consistent with the routes, and nothing from elsewhere."""

import re

import pytest
from flask.testing import FlaskClient

from app import create_service
from config.settings import Settings
from tickiti_query.catalogue.fields import FIELDS


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    settings = Settings(replica_url="postgresql://nobody@/nothing", max_row_limit=77)
    return create_service(settings).app.test_client()


def test_the_document_describes_the_one_operation(client: FlaskClient) -> None:
    document = client.get("/openapi.json").get_json()
    assert document["openapi"].startswith("3.")
    assert list(document["paths"]) == ["/api/v1/tickets/query"]
    operation = document["paths"]["/api/v1/tickets/query"]["post"]
    assert set(operation["responses"]) >= {
        "200", "400", "401", "403", "404", "413", "415", "422", "500", "501", "503", "504",
    }  # fmt: skip
    assert operation["security"] == [{"token": []}]
    assert document["components"]["securitySchemes"]["token"] == {"type": "http", "scheme": "bearer"}


def test_the_document_knows_this_installs_row_limit(client: FlaskClient) -> None:
    schemas = client.get("/openapi.json").get_json()["components"]["schemas"]
    limits = [
        schema["properties"]["row_limit"]
        for schema in schemas.values()
        if "row_limit" in schema["properties"]
    ]
    assert [(limit["minimum"], limit["maximum"]) for limit in limits] == [(1, 77)]


def test_every_reference_in_the_document_leads_somewhere(client: FlaskClient) -> None:
    text = client.get("/openapi.json").text
    document = client.get("/openapi.json").get_json()
    for name in re.findall(r'"#/components/schemas/(\w+)"', text):
        assert name in document["components"]["schemas"]


def test_every_search_mode_is_described(client: FlaskClient) -> None:
    document = client.get("/openapi.json").get_json()
    for mode in FIELDS.modes:
        assert f"`{mode}`" in document["info"]["description"]
    assert document["components"]["schemas"]["Criterion"]["properties"]["mode"]["enum"] == sorted(
        FIELDS.modes
    )


def test_the_page_takes_its_assets_from_this_service(client: FlaskClient) -> None:
    page = client.get("/docs")
    assert page.content_type.startswith("text/html")
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(assets) >= 3
    for asset in assets:
        assert asset.startswith("/docs/assets/")
        response = client.get(asset)
        assert response.status_code == 200
        response.close()
    assert not re.findall(r"https?://", page.text)
