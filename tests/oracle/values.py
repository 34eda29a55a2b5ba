"""Reads the single values that conditions and tokens are made of; a value without a meaning raises."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

Row = dict[str, Any]
World = dict[str, list[Row]]
Lower = Callable[[str], str]
TicketTest = Callable[[Row], bool]

STATUSES = ("open", "on-hold", "closed")
PRIORITY_CODES = (10, 20, 30, 40)
PRIORITY_LABELS = {"low": 10, "normal": 20, "high": 30, "urgent": 40}

DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
SECOND = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2} ([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]")


class MeaninglessValueError(Exception):
    """The value is of the wrong type, or nothing that its field knows."""


def read_text(value: Any) -> str:
    if not isinstance(value, str) or value == "":
        raise MeaninglessValueError(value)
    return value


def is_integer(value: Any) -> bool:
    """JSON's true and false are Python ints too, and 10.0 is none."""
    return isinstance(value, int) and not isinstance(value, bool)


def read_integer(value: Any) -> int:
    if not is_integer(value):
        raise MeaninglessValueError(value)
    return int(value)


def read_digits(value: Any) -> int:
    """A string of ASCII digits. What has more than twenty of them is beyond 64 bits however it goes on."""
    if not isinstance(value, str) or not re.fullmatch("[0-9]+", value):
        raise MeaninglessValueError(value)
    return int(value.lstrip("0")[:20] or "0")


def read_integer_or_digits(value: Any) -> int:
    return read_integer(value) if is_integer(value) else read_digits(value)


def read_flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise MeaninglessValueError(value)
    return value


def read_status(value: Any) -> str:
    if value not in STATUSES:
        raise MeaninglessValueError(value)
    return str(value)


def read_priority(value: Any) -> int:
    """10, "10" or a label in any case; a label with a character outside ASCII is none."""
    if is_integer(value) and value in PRIORITY_CODES:
        return int(value)
    if isinstance(value, str) and value in [str(code) for code in PRIORITY_CODES]:
        return int(value)
    if isinstance(value, str) and value.isascii() and value.lower() in PRIORITY_LABELS:
        return PRIORITY_LABELS[value.lower()]
    raise MeaninglessValueError(value)


def read_tag(value: Any) -> str:
    """A tag with or without its `#`; one `#` is taken off, and something must be left."""
    return read_text(read_text(value).removeprefix("#"))


def read_team_id(text: str, word: str) -> str:
    """The digits after `word`, without leading zeros."""
    if not re.fullmatch(re.escape(word) + "[0-9]+", text):
        raise MeaninglessValueError(text)
    return text.removeprefix(word).lstrip("0") or "0"


def read_moment(value: Any, clock_of_a_day: str) -> datetime:
    """A UTC day, which then has the given clock time, or a UTC second."""
    if not isinstance(value, str):
        raise MeaninglessValueError(value)
    if DAY.fullmatch(value):
        value = f"{value} {clock_of_a_day}"
    if not SECOND.fullmatch(value):
        raise MeaninglessValueError(value)
    try:
        return datetime.fromisoformat(value)
    except ValueError as no_such_day:
        raise MeaninglessValueError(value) from no_such_day
