"""What /openapi.json says beside the routes: the language of search criteria, drawn from the catalogue."""

from collections.abc import Mapping, MutableMapping
from typing import Any

from tickiti_query.catalogue.field import Catalogue
from tickiti_query.catalogue.fields import FIELDS
from tickiti_query.catalogue.reference import tabulate_modes

INTRODUCTION = """
Returns the ticket list as Tickiti renders it, through a *perspective*: a saved view with its conditions, order
and columns. What the token's owner could not see on screen is in no answer.

Send the token as `Authorization: Bearer <id>|<secret>`. With an empty body the answer is the built-in All.
Unknown fields are ignored, and named in `X-Ignored-Params`.
"""


def describe(catalogue: Catalogue = FIELDS) -> Mapping[str, Any]:
    """The configuration of flask-smorest."""
    return {
        "API_TITLE": "tickiti-query",
        "API_VERSION": "v1",
        "OPENAPI_VERSION": "3.0.3",
        "OPENAPI_URL_PREFIX": "/",
        "OPENAPI_JSON_PATH": "openapi.json",
        "OPENAPI_SWAGGER_UI_PATH": "docs",
        "OPENAPI_SWAGGER_UI_URL": "/docs/assets/",
        "OPENAPI_SWAGGER_UI_CONFIG": {"tryItOutEnabled": True, "validatorUrl": None, "docExpansion": "list"},
        "API_SPEC_OPTIONS": {
            "info": {"description": INTRODUCTION + "\n### Search modes\n\n" + tabulate_modes(catalogue)},
            "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        },
    }


def name_modes(schemas: Mapping[str, MutableMapping[str, Any]], catalogue: Catalogue = FIELDS) -> None:
    """Say in the document's schemas which search modes there are: the wire's shape knows of none."""
    schemas["Criterion"]["properties"]["mode"]["enum"] = sorted(catalogue.modes)
