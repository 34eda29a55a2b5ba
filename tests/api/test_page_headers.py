"""/docs keeps other pages and scripts away from the token that is typed into it, and / leads there."""

import re

import pytest
from flask.testing import FlaskClient

from app import create_service
from config.settings import Settings
from tickiti_query.catalogue.fields import FIELDS, MODES

PATHS = ("/docs", "/docs/", "/docs/assets/docs.js", "/docs/assets/swagger-ui-bundle.js", "/", "/favicon.ico")


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return create_service(Settings(replica_url="postgresql://nobody@/nothing")).app.test_client()


@pytest.mark.parametrize("path", PATHS)
def test_the_page_and_its_parts_let_in_nothing_from_elsewhere(client: FlaskClient, path: str) -> None:
    with client.get(path) as answer:
        assert answer.status_code in {200, 302}
        headers = answer.headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Frame-Options"] == "DENY"


def test_the_root_leads_to_the_page(client: FlaskClient) -> None:
    answer = client.get("/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/docs")
    assert client.get("/", follow_redirects=True).content_type == "text/html; charset=utf-8"
    refused = client.post("/")
    assert (refused.status_code, refused.get_json()["error"]) == (405, "method_not_allowed")


def test_the_page_has_no_script_or_style_in_its_text(client: FlaskClient) -> None:
    text = client.get("/docs").text
    assert not re.findall(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|javascript:", text)
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in text


def test_the_page_has_every_search_mode_and_every_column(client: FlaskClient) -> None:
    text = client.get("/docs").text
    columns = [field.name for field in FIELDS.values() if field.column]
    for name in (*MODES, *columns):
        assert f"<td><code>{name}</code></td>" in text
