"""Whole numbers as the database holds them: their range, and a reader of digits."""

import re

BIGINT = range(-(2**63), 2**63)


def read_digits(text: str) -> int | None:
    """Return the number that ASCII digits write; None for an empty text, and for one with another character.

    A number beyond 64 bits comes back as the first one that is: no row has it, and nobody has to hold it.
    """
    if not re.fullmatch(r"[0-9]+", text):
        return None
    digits = text.lstrip("0") or "0"
    return BIGINT.stop if len(digits) > 19 else min(int(digits), BIGINT.stop)
