"""The body of POST /api/v1/tickets/query."""

from collections.abc import Iterator, Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, pre_load, validate

from tickiti_query.catalogue.fields import MODES
from tickiti_query.model.statement import read_digits

MOST_CRITERIA = 20
MOST_TOKENS = 1000
LONGEST_TOKEN = 500
NO_TEXT: dict[str, Any] = {"invalid": "Must be a text."}
NO_TOKENS = "Must be a list of tokens."


class Identifier(fields.Field[int]):
    """The id of a row: a JSON integer, or a text of decimal digits. Null counts as absent before it comes here."""

    def __init__(self, description: str) -> None:
        forms = [{"type": "integer", "nullable": True}, {"type": "string", "pattern": "^[0-9]+$"}]
        super().__init__(metadata={"oneOf": forms, "description": description})

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        number = read_digits(value) if isinstance(value, str) else value
        if isinstance(number, bool) or not isinstance(number, int):
            raise ValidationError("Must be a whole number, or a text of decimal digits.")
        return number


def check_token(token: Any) -> None:
    """Raise ValidationError unless the token is a text of 1 to 500 characters, or a JSON integer."""
    if isinstance(token, bool) or not isinstance(token, str | int):
        raise ValidationError("Must be a text or a whole number.")
    if isinstance(token, str) and not 1 <= len(token) <= LONGEST_TOKEN:
        raise ValidationError(f"Must have 1 to {LONGEST_TOKEN} characters.")


class NullIsAbsent(Schema):
    """A schema whose null fields count as absent, and whose unknown ones are ignored."""

    class Meta:
        unknown = EXCLUDE

    error_messages = {"type": "Must be an object."}  # noqa: RUF012  marshmallow's own convention

    @pre_load
    def drop_nulls(self, data: Any, **kwargs: Any) -> Any:
        """Leave out what is null."""
        return {k: v for k, v in data.items() if v is not None} if isinstance(data, Mapping) else data


class EmptyListIsObject(NullIsAbsent):
    """A schema that takes `[]` for `{}`: PHP cannot tell an empty object from an empty list."""

    @pre_load
    def read_empty_list(self, data: Any, **kwargs: Any) -> Any:
        """Return an empty object for an empty list, and anything else as it is."""
        return {} if data == [] else data


class CriterionSchema(NullIsAbsent):
    """One search criterion. The tokens are texts, or integers where the mode takes them."""

    mode = fields.String(
        required=True,
        metadata={"enum": sorted(MODES), "example": "subject"},  # the compiler refuses any other
        error_messages={"required": "Must name a search mode.", **NO_TEXT},
    )
    tokens = fields.List(
        fields.Raw(
            validate=check_token,
            metadata={"oneOf": [{"type": "string", "minLength": 1, "maxLength": LONGEST_TOKEN}, {"type": "integer"}]},
        ),
        required=True,
        validate=validate.Length(min=1, error="Must have at least one token."),
        metadata={"example": ["carbon"]},
        error_messages={"required": NO_TOKENS, "invalid": NO_TOKENS},
    )
    match = fields.String(
        load_default="all",
        allow_none=True,
        validate=validate.OneOf(["all", "any"], error="Must be all or any."),
        error_messages=NO_TEXT,
    )


class SearchObjectSchema(EmptyListIsObject):
    """The search that the ticket browser sends: a perspective by name or id, and criteria that narrow it."""

    search_perspective = fields.String(
        allow_none=True,
        metadata={"description": "The name of a perspective, to the letter.", "example": "All"},
        error_messages=NO_TEXT,
    )
    search_perspective_id = Identifier("The id of a perspective.")
    criteria = fields.List(
        fields.Nested(CriterionSchema),
        load_default=list,
        allow_none=True,
        metadata={"maxItems": MOST_CRITERIA},
        error_messages={"invalid": "Must be a list of criteria."},
    )

    @pre_load
    def count_criteria(self, data: Any, **kwargs: Any) -> Any:
        """Refuse too many criteria or tokens before any of them is read, so that they cost nothing."""
        criteria = data.get("criteria") if isinstance(data, Mapping) else None
        if isinstance(criteria, list):
            if len(criteria) > MOST_CRITERIA:
                raise ValidationError(f"Must have at most {MOST_CRITERIA} criteria.", "criteria")
            if sum(map(count_tokens, criteria)) > MOST_TOKENS:
                raise ValidationError(f"Must have at most {MOST_TOKENS} tokens in all.", "criteria")
        return data


def count_tokens(criterion: Any) -> int:
    """Return the number of tokens of a criterion that is not validated yet."""
    tokens = criterion.get("tokens") if isinstance(criterion, Mapping) else None
    return len(tokens) if isinstance(tokens, list) else 0


class TicketQuerySchema(EmptyListIsObject):
    """The request's body. All fields are optional; without any, it is the built-in All perspective."""

    perspective_id = Identifier("The id of a perspective; the most direct selector.")
    search_object = fields.Nested(SearchObjectSchema, allow_none=True)
    row_limit = fields.Integer(
        strict=True,
        allow_none=True,
        metadata={"description": "The most rows that are wanted.", "example": 2},
        error_messages={"invalid": "Must be a whole number."},
    )

    def __init__(self, *, max_row_limit: int = 5000, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        limits = validate.Range(1, max_row_limit, error="Must be from {min} to {max}.")
        # Not appended: marshmallow's copy of a field shares the list with the class.
        self.fields["row_limit"].validators = [limits]


def find_ignored(document: Any) -> Iterator[tuple[str, ...]]:
    """Yield the paths of the fields in a body that the schemas do not know, which are ignored as Tickiti does."""
    yield from _find_unknown(TicketQuerySchema, document, ())
    search = document.get("search_object") if isinstance(document, Mapping) else None
    if isinstance(search, Mapping):
        yield from _find_unknown(SearchObjectSchema, search, ("search_object",))
        criteria = search.get("criteria")
        for place, criterion in enumerate(criteria if isinstance(criteria, list) else ()):
            yield from _find_unknown(CriterionSchema, criterion, ("search_object", "criteria", str(place)))


def _find_unknown(schema: type[Schema], data: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    known = schema._declared_fields  # noqa: SLF001  marshmallow has no public name for it on the class
    return ((*path, name) for name in (data if isinstance(data, Mapping) else ()) if name not in known)
