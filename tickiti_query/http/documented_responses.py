"""The responses of the route, as the OpenAPI document describes them: the rows, and every error by its status."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any, TypeVar

from flask_smorest import Blueprint

from schemas.answers import make_error_schema, make_ticket_list_schema
from tickiti_query.catalogue.field import Catalogue
from tickiti_query.catalogue.fields import FIELDS
from tickiti_query.http.documented_headers import (
    CACHE_CONTROL,
    COMMON_HEADERS,
    ERROR_HEADERS,
    REQUEST_ID,
    ROW_HEADERS,
    Header,
)
from tickiti_query.model import errors

View = TypeVar("View", bound=Callable[..., Any])

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
# What is answered before the service has heard of the request.
EARLY = {405, 408, 413}


def describe_responses(blueprint: Blueprint, view: View, catalogue: Catalogue = FIELDS) -> View:
    """Return the view with a description of each of its responses, by flask-smorest's decorators.

    The view returns a response that is ready, which the decorators hand on as it is: no schema dumps anything.
    """
    view = blueprint.response(
        200,
        make_ticket_list_schema(catalogue),
        description="The rows, in the perspective's order.",
        example={"ok": True, "data": [dict(list_examples(catalogue))]},
        headers=refer_to((*ROW_HEADERS, *COMMON_HEADERS)),
    )(view)
    for status, found in groupby(ERRORS, key=lambda each: each[0].status):
        view = blueprint.alt_response(status, **describe_errors(list(found)))(view)
    return view


def describe_errors(found: list[tuple[errors.QueryError, str]]) -> dict[str, Any]:
    """Return the arguments of `alt_response` for the errors of one status."""
    kinds = [error for error, _ in found]
    own = [ERROR_HEADERS[name] for name in kinds[0].headers]
    common = [REQUEST_ID, CACHE_CONTROL] if kinds[0].status in EARLY else COMMON_HEADERS
    schemas = [make_error_schema(error.code, names_fields="errors" in error.body) for error in kinds]
    return {
        "schema": schemas[0] if len(schemas) == 1 else {"oneOf": schemas},
        "description": "\n".join(f"`{error.code}`: {when}" for error, when in found),
        "examples": {error.code: {"value": dict(error.body)} for error in kinds},
        "headers": refer_to((*own, *common)),
    }


def refer_to(headers: Iterable[Header]) -> dict[str, str]:
    """Return references to headers of the document's components, by their names."""
    return {header.name: header.name for header in headers}


def list_examples(catalogue: Catalogue) -> Iterator[tuple[str, Any]]:
    """Yield the core columns of a row, each with an example."""
    for name in catalogue.core:
        column = catalogue.fields[name].column
        if column is not None:
            yield name, column.example
