"""The answers: rows, whose columns are drawn from the catalogue, or an error, a code for programs and a sentence."""

from collections.abc import Callable
from functools import partial
from typing import Any

from marshmallow import Schema, fields, validate

from tickiti_query.catalogue.field import Column, Kind
from tickiti_query.catalogue.fields import CORE, FIELDS

FIELD_TYPES: dict[Kind, Callable[..., fields.Field[Any]]] = {
    Kind.INTEGER: fields.Integer,
    Kind.TEXT: fields.String,
    Kind.MOMENT: fields.String,
    Kind.DATE: fields.Date,
    Kind.FLAG: fields.Boolean,
    Kind.LIST: partial(fields.List, fields.String),
}
MOMENT = {"pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$", "description": "UTC"}


def make_ticket_list_schema() -> type[Schema]:
    """Return the schema of the rows that a perspective shows."""
    shape: dict[str, fields.Field[Any]] = {
        "ok": fields.Boolean(required=True, validate=validate.Equal(comparable=True)),
        "data": fields.List(fields.Nested(make_row_schema()), required=True),
    }
    return Schema.from_dict(shape, name="TicketListSchema")


def make_row_schema() -> type[Schema]:
    """Return the schema of a row: each core column, then any of the others. There is no other column."""
    columns = {field.name: field.column for field in FIELDS.values() if field.column is not None}
    names = dict.fromkeys([*CORE, *columns])
    shape = {name: make_field(columns[name], required=name in CORE) for name in names}
    return Schema.from_dict(shape, name="TicketRowSchema")


def make_field(column: Column, *, required: bool) -> fields.Field[Any]:
    """Return the marshmallow field of a column's values."""
    example = list(column.example) if isinstance(column.example, tuple) else column.example
    return FIELD_TYPES[column.kind](
        required=required,
        allow_none=column.nullable,
        metadata={"example": example, **(MOMENT if column.kind is Kind.MOMENT else {})},
        validate=validate.OneOf(column.choices) if column.choices else None,
    )


def make_error_schema(code: str, *, names_fields: bool) -> type[Schema]:
    """Return the schema of the errors of one code; `names_fields` where they say what is wrong with which field."""
    shape: dict[str, fields.Field[Any]] = {
        "ok": fields.Boolean(required=True, validate=validate.Equal(comparable=False)),
        "error": fields.String(required=True, validate=validate.Equal(code)),
        "message": fields.String(required=True),
    }
    if names_fields:
        shape["errors"] = fields.Dict(
            keys=fields.String(),
            values=fields.List(fields.String(), validate=validate.Length(min=1)),
            required=True,
            metadata={"description": "Sentences by the dotted path of a field; an empty path is the body itself."},
        )
    return Schema.from_dict(shape, name=f"{code.title().replace('_', '')}Schema")
