"""The answer with rows, drawn from the catalogue: the core columns, and those that a perspective may add."""

from typing import Any

from marshmallow import Schema, fields, validate

from tickiti_query.catalogue.field import Catalogue, Column, Kind

MOMENT = "^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$"


def make_ticket_list_schema(catalogue: Catalogue) -> type[Schema]:
    """Return the schema of the rows that a perspective shows."""
    row = make_row_schema(catalogue)
    shape: dict[str, fields.Field[Any]] = {
        "ok": fields.Boolean(required=True, validate=validate.Equal(comparable=True)),
        "data": fields.List(fields.Nested(row), required=True),
    }
    return Schema.from_dict(shape, name="TicketListSchema")


def make_row_schema(catalogue: Catalogue) -> type[Schema]:
    """Return the schema of a row: each core column, then any of the others. There is no other column."""
    columns = {field.name: field.column for field in catalogue.fields.values() if field.column is not None}
    own = [name for name in columns if name not in catalogue.core]
    shape = {name: make_field(columns[name], required=True) for name in catalogue.core}
    shape |= {name: make_field(columns[name], required=False) for name in own}
    return Schema.from_dict(shape, name="TicketRowSchema")


def make_field(column: Column, *, required: bool) -> fields.Field[Any]:
    """Return the marshmallow field of a column's values."""
    example = list(column.example) if isinstance(column.example, tuple) else column.example
    given: dict[str, Any] = {
        "required": required,
        "allow_none": column.nullable,
        "metadata": {"example": example},
        "validate": validate.OneOf(column.choices) if column.choices else None,
    }
    match column.kind:
        case Kind.INTEGER:
            return fields.Integer(**given)
        case Kind.TEXT:
            return fields.String(**given)
        case Kind.MOMENT:
            given["metadata"] |= {"pattern": MOMENT, "description": "UTC"}
            return fields.String(**given)
        case Kind.DATE:
            return fields.Date(**given)
        case Kind.FLAG:
            return fields.Boolean(**given)
        case Kind.LIST:
            return fields.List(fields.String(), **given)
