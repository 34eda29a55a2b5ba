"""A reader of JSON and digits that strangers wrote: it bounds numbers and depth, and allows only what RFC 8259 does."""

import json
import re
from typing import Any

BIGINT = range(-(2**63), 2**63)


def read_digits(text: str) -> int | None:
    """Return the number that ASCII digits write; None for an empty text, and for one with another character.

    A number beyond 64 bits comes back as the first one that is: no row has it, and nobody has to hold it.
    """
    if not re.fullmatch(r"[0-9]+", text):
        return None
    digits = text.lstrip("0") or "0"
    return BIGINT.stop if len(digits) > 19 else min(int(digits), BIGINT.stop)


# What a JSON text can hold and no text of PostgreSQL can: a NUL, and half a surrogate pair.
UNCLEAN = re.compile("[\0\ud800-\udfff]")
# Windows PowerShell 5.1 reads an answer without a charset as ISO-8859-1.
JSON_CONTENT_TYPE = "application/json; charset=utf-8"


def read_json(text: str) -> Any:
    """Return the value of a JSON text. Raise ValueError where the text is no JSON, or is nested too deeply.

    A whole number beyond 64 bits comes back as the first one that is: the long way of writing it is no number
    that anybody has, and turning thousands of digits into one costs time.
    """
    try:
        return json.loads(text, parse_int=_read_integer, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _read_integer(digits: str) -> int:
    if len(digits) > 20:
        return BIGINT.start - 1 if digits.startswith("-") else BIGINT.stop
    return int(digits)


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")
