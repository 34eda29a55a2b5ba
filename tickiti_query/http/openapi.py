"""The OpenAPI document apart from its route: flask-smorest's settings, and the language of search criteria."""

from collections.abc import Mapping, MutableMapping
from typing import Any

from flask_smorest import Api

from tickiti_query import VERSION
from tickiti_query.catalogue.field import Catalogue
from tickiti_query.catalogue.fields import FIELDS
from tickiti_query.catalogue.reference import tabulate_modes
from tickiti_query.http.documented_headers import describe_headers

INTRODUCTION = """
Returns the ticket list as Tickiti renders it, through a *perspective*: a saved view with its conditions, order
and columns. What the token's owner could not see on screen is in no answer.

Send the token as `Authorization: Bearer <id>|<secret>`. With an empty body the answer is the built-in All.
Unknown fields are ignored, and named in `X-Ignored-Params`.
"""

# PHP sends it for an empty object.
EMPTY_LIST = {"type": "array", "items": {}, "maxItems": 0}


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
                "headers": describe_headers(),
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


class TicketsApi(Api):  # type: ignore[misc]  # flask-smorest has no types
    """flask-smorest, without a response of its own: the route names each error that it answers."""

    DEFAULT_ERROR_RESPONSE_NAME = None


def correct_schemas(schemas: MutableMapping[str, Any]) -> None:
    """Correct what flask-smorest and apispec put into the document's schemas."""
    for unused in ("Error", "PaginationMetadata"):
        schemas.pop(unused, None)
    search = schemas["TicketQuery"]["properties"]["search_object"]
    # Where a nested object may be null, apispec allows any other object too.
    for choice in search["anyOf"]:
        if "$ref" not in choice:
            choice["enum"] = [None]
    search["anyOf"].append(EMPTY_LIST)
    # A generator of clients takes a property with a default for one that must be given.
    matching = schemas["Criterion"]["properties"]["match"]
    matching["description"] = f"`{matching.pop('default')}` unless it is given."
