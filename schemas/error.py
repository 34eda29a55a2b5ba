"""The answer with an error, which has one shape: a code for programs, and a sentence for people."""

from marshmallow import Schema, fields, validate


class ErrorSchema(Schema):
    """An error of any code."""

    ok = fields.Boolean(required=True, validate=validate.Equal(comparable=False))
    error = fields.String(required=True)
    message = fields.String(required=True)


class FieldErrorsSchema(ErrorSchema):
    """An error that also says what is wrong with which field."""

    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String(), validate=validate.Length(min=1)),
        required=True,
        metadata={"description": "Sentences by the dotted path of a field; an empty path is the body itself."},
    )


def make_error_schema(code: str, *, names_fields: bool) -> type[Schema]:
    """Return the schema of the errors of one code."""
    base = FieldErrorsSchema if names_fields else ErrorSchema
    one_code = fields.String(required=True, validate=validate.Equal(code))
    return base.from_dict({"error": one_code}, name=f"{code.title().replace('_', '')}Schema")
