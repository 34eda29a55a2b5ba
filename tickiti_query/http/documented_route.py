"""The one route, with all that the OpenAPI document says of it."""

from collections.abc import Callable

from flask import Response
from flask_smorest import Blueprint

from schemas.ticket_query import TicketQuerySchema
from tickiti_query.http.documented_responses import describe_responses
from tickiti_query.http.openapi import EMPTY_LIST

BODY = {"perspective_id": 3, "row_limit": 2, "search_object": {"criteria": [{"mode": "subject", "tokens": ["carbon"]}]}}


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
                    "example": BODY,
                }
            }
        },
    }
    described = blueprint.doc(**operation)(describe_responses(blueprint, view))
    blueprint.route(path, methods=["POST"], provide_automatic_options=False)(described)
    # Each description wraps the view, and all of them together take 19 µs of a request: Flask calls the view itself.
    blueprint.record(lambda state: state.app.view_functions.update({f"{blueprint.name}.{view.__name__}": view}))
