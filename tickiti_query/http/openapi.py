"""The OpenAPI document: its settings, the one route, and the language of search criteria."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, Response
from flask_smorest import Api, Blueprint

from schemas.ticket_query import TicketQuerySchema
from tickiti_query import VERSION
from tickiti_query.catalogue.field import Catalogue
from tickiti_query.catalogue.fields import FIELDS
from tickiti_query.catalogue.reference import tabulate_modes
from tickiti_query.http.documented_answers import COMMON_HEADERS, ERROR_HEADERS, ROW_HEADERS, describe_answers

INTRODUCTION = """
Returns the ticket list as Tickiti renders it, through a *perspective*: a saved view with its conditions, order
and columns. What the token's owner could not see on screen is in no answer.

Send the token as `Authorization: Bearer <id>|<secret>`. With an empty body the answer is the built-in All.
Unknown fields are ignored, and named in `X-Ignored-Params`.
"""
# PHP sends it for an empty object.
EMPTY_LIST = {"type": "array", "items": {}, "maxItems": 0}


def search(**criteria: list[str]) -> dict[str, Any]:
    """Return a body that searches for tokens by their modes."""
    return {"search_object": {"criteria": [{"mode": mode, "tokens": tokens} for mode, tokens in criteria.items()]}}


# Bodies that any install answers with 200: they name no row of one of its tables.
EXAMPLES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "all": ("The built-in All", {}),
    "by_name": ("A perspective by its name", {"search_object": {"search_perspective": "All"}}),
    "words": ("A word in the subject", search(subject=["order"])),
    "mine": ("Open tickets that are assigned to the token's owner", search(status=["open"], assigned=["me"])),
    "urgent": (
        "High or urgent tickets of a span of time",
        search(priority=["High", "Urgent"], created_from=["2026-01-01"], created_to=["2026-12-31 23:59:59"]),
    ),
}


def describe(catalogue: Catalogue = FIELDS) -> Mapping[str, Any]:
    """The configuration of flask-smorest."""
    return {
        "API_TITLE": "tickiti-query",
        "API_VERSION": VERSION,
        "OPENAPI_VERSION": "3.0.3",
        "OPENAPI_URL_PREFIX": "/",
        "OPENAPI_JSON_PATH": "openapi.json",
        "API_SPEC_OPTIONS": {
            "info": {"description": INTRODUCTION + "\n### Search modes\n\n" + tabulate_modes(catalogue)},
            "components": {
                "headers": {**COMMON_HEADERS, **ROW_HEADERS, **ERROR_HEADERS},
                "securitySchemes": {
                    "token": {
                        "type": "http",
                        "scheme": "bearer",
                        "bearerFormat": "id|secret",
                        "description": "An API token of Tickiti, as Tickiti shows it when it is made: `id|secret`.",
                    }
                },
            },
        },
    }


def add_documented_route(blueprint: Blueprint, path: str, view: Callable[[], Response], max_row_limit: int) -> None:
    """Add the view at the path, and describe it in the document.

    `doc` describes the body, not `arguments`: that would read the body before the view knows who asks.
    """
    content = {
        "schema": {"oneOf": [TicketQuerySchema(max_row_limit=max_row_limit), EMPTY_LIST]},
        "examples": {
            name: {"summary": summary, "value": {"row_limit": min(10, max_row_limit), **body}}
            for name, (summary, body) in EXAMPLES.items()
        },
    }
    describe_request = blueprint.doc(
        operationId="queryTickets",
        security=[{"token": []}],
        requestBody={"content": {"application/json": content}},
    )
    described = describe_request(describe_answers(blueprint, view))
    blueprint.route(path, methods=["POST"], provide_automatic_options=False)(described)
    # Each description wraps the view, and all of them together take 19 µs of a request: Flask calls the view itself.
    blueprint.record(lambda state: state.app.view_functions.update({f"{blueprint.name}.{view.__name__}": view}))


def publish(app: Flask, blueprint: Blueprint) -> None:
    """Let the app serve a blueprint, and the document that describes it."""
    app.config.update(describe())
    api = Api()
    api.DEFAULT_ERROR_RESPONSE_NAME = None  # the route names each error that it answers
    api.init_app(app)
    api.register_blueprint(blueprint)
    schemas = api.spec.components.schemas
    for unused in ("Error", "PaginationMetadata"):
        schemas.pop(unused, None)
    search_object = schemas["TicketQuery"]["properties"]["search_object"]
    # Where a nested object may be null, apispec allows any other object too.
    for choice in search_object["anyOf"]:
        if "$ref" not in choice:
            choice["enum"] = [None]
    search_object["anyOf"].append(EMPTY_LIST)
    # A generator of clients takes a property with a default for one that must be given.
    matching = schemas["Criterion"]["properties"]["match"]
    matching["description"] = f"`{matching.pop('default')}` unless it is given."
