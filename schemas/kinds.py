"""Kinds of JSON value for which marshmallow's own fields are too generous."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields

# Any number beyond 64 bits is as good as this one, and no larger one is ever made of a caller's digits.
BEYOND_64_BITS = 2**63


class WholeNumber(fields.Integer):
    """A JSON integer: no float, no boolean, no text."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValidationError("Must be a whole number.")
        return value


class Identifier(fields.Field[int]):
    """The id of a row: a JSON integer, or a text of decimal digits. Null counts as absent before it comes here."""

    forms: ClassVar[Any] = [{"type": "integer", "nullable": True}, {"type": "string", "pattern": "^[0-9]+$"}]

    def __init__(self, *, metadata: Mapping[str, Any]) -> None:
        super().__init__(metadata={"oneOf": self.forms, **metadata})

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and re.fullmatch("[0-9]+", value):
            digits = value.lstrip("0") or "0"
            return int(digits) if len(digits) < 20 else BEYOND_64_BITS
        raise ValidationError("Must be a whole number, or a text of decimal digits.")


class Text(fields.String):
    """A JSON string."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("Must be a text.")
        return value


class Token(fields.Field[str | int]):
    """A search token: a text of 1 to 500 characters, or a JSON integer where the mode takes one."""

    longest = 500
    forms: ClassVar[Any] = [{"type": "string", "minLength": 1, "maxLength": longest}, {"type": "integer"}]

    def __init__(self) -> None:
        super().__init__(metadata={"oneOf": self.forms})

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str | int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if not isinstance(value, str):
            raise ValidationError("Must be a text or a whole number.")
        if not 1 <= len(value) <= self.longest:
            raise ValidationError(f"Must have 1 to {self.longest} characters.")
        return value
