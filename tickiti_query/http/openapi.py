"""The OpenAPI document: its settings, the one route with its answers, and the language of search criteria."""

from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Any

from flask import Flask, Response
from flask_smorest import Api, Blueprint

from schemas.answers import make_error_schema, make_ticket_list_schema
from schemas.ticket_query import TicketQuerySchema
from tickiti_query import VERSION
from tickiti_query.catalogue.fields import CORE, FIELDS
from tickiti_query.catalogue.reference import tabulate_modes
from tickiti_query.model import errors

INTRODUCTION = """
Returns the ticket list as Tickiti renders it, through a *perspective*: a saved view with its conditions, order
and columns. What the token's owner could not see on screen is in no answer.

Send the token as `Authorization: Bearer <id>|<secret>`. With an empty body the answer is the built-in All.
Unknown fields are ignored, and named in `X-Ignored-Params`.
"""
# PHP sends it for an empty object.
EMPTY_LIST = {"type": "array", "items": {}, "maxItems": 0}
COUNT = {"type": "integer", "minimum": 0}
TEXT = {"type": "string"}
DURATION = "[a-z]+;dur=[0-9]+[.][0-9]+"


def search(**criteria: list[str]) -> dict[str, Any]:
    """Return a body that searches for tokens by their modes."""
    return {"search_object": {"criteria": [{"mode": mode, "tokens": tokens} for mode, tokens in criteria.items()]}}


def describe_header(schema: dict[str, Any], example: object, meaning: str, *, always: bool = True) -> dict[str, Any]:
    """Return a header in the words of OpenAPI. `always`: each answer that names it has it."""
    return {"description": meaning, "required": always, "schema": schema, "example": example}


COMMON_HEADERS = {
    "X-Request-ID": describe_header(
        {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
        "4f1c2b9d6a7e4d0c8f3a5b6c7d8e9f01",
        "The request's name: the caller's, if it is 1 to 128 of A-Z a-z 0-9 . _ -, or a new one; also in the log.",
    ),
    "Cache-Control": describe_header(
        {"type": "string", "enum": ["private, no-cache", "no-store"]},
        "no-store",
        "`private, no-cache` with rows, `no-store` with an error: no shared cache keeps an answer.",
    ),
    "Server-Timing": describe_header(
        {"type": "string", "pattern": f"^{DURATION}(, {DURATION})*$"},
        "cache;dur=0.412, auth;dur=0.018, sql;dur=3.907",
        "Milliseconds: `cache` (the proof, and waiting for an equal request), `auth`, `sql`.",
        always=False,
    ),
    "RateLimit-Limit": describe_header(COUNT, 600, "Requests a window; absent without a rate limit.", always=False),
    "RateLimit-Remaining": describe_header(
        COUNT, 599, "Requests that are left; absent without a rate limit.", always=False
    ),
    "RateLimit-Reset": describe_header(
        COUNT, 42, "Seconds until the next window; absent without a rate limit.", always=False
    ),
}
ROW_HEADERS = {
    "X-Row-Count": describe_header(COUNT, 1, "The number of rows."),
    "X-Truncated": describe_header({"type": "boolean"}, False, "`true` when more tickets matched than `row_limit`."),
    "Cache-Status": describe_header(
        {"type": "string", "pattern": "^tickiti-query; (hit; ttl=[0-9]+|fwd=miss(; stored)?|fwd=bypass)$"},
        "tickiti-query; hit; ttl=29",
        "RFC 9211: a hit, or how the request went on to the replica.",
    ),
    "X-Data-As-Of": describe_header(
        {"type": "string", "format": "date-time"},
        "2026-05-02T11:30:48.000005Z",
        "Commit time of the newest replicated transaction that the answer reflects; absent where there is none.",
        always=False,
    ),
    "X-Ignored-Params": describe_header(
        TEXT,
        "page,search_object.sort",
        "Unknown fields of the body, which are ignored: dotted paths, percent-encoded, comma-separated; after 2 KiB"
        " the rest is `...`. Absent when there are none.",
        always=False,
    ),
}
ERROR_HEADERS = {
    "WWW-Authenticate": describe_header({"type": "string", "enum": ["Bearer"]}, "Bearer", "The scheme of the token."),
    "Allow": describe_header(TEXT, "POST", "The methods that this address answers."),
    "Retry-After": describe_header(COUNT, 2, "Seconds after which the request is worth sending again."),
}
# What is answered before the service has heard of the request.
EARLY = {405, 408, 413}
EARLY_HEADERS = ("X-Request-ID", "Cache-Control")
# An error of each code, in the order of their statuses, and a sentence on when it occurs.
ERRORS: tuple[tuple[errors.QueryError, str], ...] = (
    (errors.MalformedJson(), "The body is not JSON in UTF-8."),
    (errors.Unauthenticated(), "There is no token, or none that is valid now."),
    (errors.Forbidden(), "The token may not read tickets, or may not be used from the caller's address."),
    (errors.NotFound("There is no such perspective for this user."), "This user has no such perspective."),
    (errors.MethodNotAllowed(["POST"]), "The method is not POST."),
    (errors.RequestTimeout(), "The request was cut because it arrived too slowly."),
    (errors.PayloadTooLarge(), "The body is over 64 KiB."),
    (errors.UnsupportedMediaType(), "The body is not announced as `application/json`."),
    (
        errors.ValidationFailed({"row_limit": ["Must be a whole number."]}),
        "A field has a wrong type or value; `errors` names it.",
    ),
    (errors.RateLimited(42), "The token is over its rate, or its address has failed too often."),
    (errors.QueryError(), "A fault of this service."),
    (
        errors.UnsupportedPerspective(
            'perspective 9 "Strange" has a condition on "moon" with operator "is", which is not supported.'
        ),
        "The saved perspective uses something that this service does not know; the message names it.",
    ),
    (errors.ReplicaUnavailable(), "No replica answers, or none that is fresh enough."),
    (errors.Overloaded(), "Nothing came free in time, or there are too many connections."),
    (errors.QueryTimeout(), "The statement ran past its time limit."),
)
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


def describe() -> Mapping[str, Any]:
    """The configuration of flask-smorest."""
    return {
        "API_TITLE": "tickiti-query",
        "API_VERSION": VERSION,
        "OPENAPI_VERSION": "3.0.3",
        "OPENAPI_URL_PREFIX": "/",
        "OPENAPI_JSON_PATH": "openapi.json",
        "API_SPEC_OPTIONS": {
            "info": {"description": INTRODUCTION + "\n### Search modes\n\n" + tabulate_modes()},
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


def describe_answers(blueprint: Blueprint, view: Callable[[], Response]) -> Callable[[], Response]:
    """Return the view with a description of each of its answers, by flask-smorest's decorators.

    The view returns a response that is ready, which the decorators hand on as it is: no schema dumps anything.
    """
    core = {name: FIELDS[name].column for name in CORE}
    example = {name: column.example for name, column in core.items() if column is not None}
    view = blueprint.response(
        200,
        make_ticket_list_schema(),
        description="The rows, in the perspective's order.",
        example={"ok": True, "data": [example]},
        headers={name: name for name in (*ROW_HEADERS, *COMMON_HEADERS)},  # of the document's components
    )(view)
    for status, found in groupby(ERRORS, key=lambda each: each[0].status):
        kinds = dict(found)
        headers = (*next(iter(kinds)).headers, *(EARLY_HEADERS if status in EARLY else COMMON_HEADERS))
        schemas = [make_error_schema(error.code, names_fields="errors" in error.body) for error in kinds]
        view = blueprint.alt_response(
            status,
            schema=schemas[0] if len(schemas) == 1 else {"oneOf": schemas},
            description="\n".join(f"`{error.code}`: {when}" for error, when in kinds.items()),
            examples={error.code: {"value": dict(error.body)} for error in kinds},
            headers={name: name for name in headers},
        )(view)
    return view


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
