"""The one route, with all that the OpenAPI document says of it."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Response
from flask_smorest import Blueprint

from schemas.ticket_query import TicketQuerySchema
from tickiti_query.http.documented_responses import describe_responses
from tickiti_query.http.openapi import EMPTY_LIST

# Bodies that any install answers with 200: they name no row of one of its tables.
EXAMPLES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "all": ("The built-in All", {}),
    "by_name": ("A perspective by its name", {"search_object": {"search_perspective": "All"}}),
    "words": (
        "A word in the subject",
        {"search_object": {"criteria": [{"mode": "subject", "tokens": ["order"]}]}},
    ),
    "mine": (
        "Open tickets that are assigned to the token's owner",
        {
            "search_object": {
                "criteria": [{"mode": "status", "tokens": ["open"]}, {"mode": "assigned", "tokens": ["me"]}]
            },
        },
    ),
    "urgent": (
        "High or urgent tickets of a span of time",
        {
            "search_object": {
                "criteria": [
                    {"mode": "priority", "tokens": ["High", "Urgent"]},
                    {"mode": "created_from", "tokens": ["2026-01-01"]},
                    {"mode": "created_to", "tokens": ["2026-12-31 23:59:59"]},
                ]
            },
        },
    ),
}


def add_documented_route(blueprint: Blueprint, path: str, view: Callable[[], Response], max_row_limit: int) -> None:
    """Add the view at the path, and describe it in the document.

    `doc` describes the body, not `arguments`: that would read the body before the view knows who asks.
    """
    operation = {
        "operationId": "queryTickets",
        "security": [{"token": []}],
        "requestBody": {
            "content": {
                "application/json": {
                    "schema": {"oneOf": [TicketQuerySchema(max_row_limit=max_row_limit), EMPTY_LIST]},
                    "examples": {
                        name: {"summary": summary, "value": {"row_limit": min(10, max_row_limit), **body}}
                        for name, (summary, body) in EXAMPLES.items()
                    },
                }
            }
        },
    }
    described = blueprint.doc(**operation)(describe_responses(blueprint, view))
    blueprint.route(path, methods=["POST"], provide_automatic_options=False)(described)
    # Each description wraps the view, and all of them together take 19 µs of a request: Flask calls the view itself.
    blueprint.record(lambda state: state.app.view_functions.update({f"{blueprint.name}.{view.__name__}": view}))
