"""The readers of values: each takes one JSON value, and raises ValueError for a value of another form."""

import re
from dataclasses import dataclass
from datetime import datetime, time
from enum import Enum

from tickiti_query.model.statement import read_digits

PRIORITY_CODES = ("10", "20", "30", "40")
PRIORITIES = {"low": 10, "normal": 20, "high": 30, "urgent": 40, **{code: int(code) for code in PRIORITY_CODES}}
STATUSES = ("open", "on-hold", "closed")


class Word(Enum):
    """The values that are words of the language, not texts. Their case counts: `Me` is an e-mail address."""

    ME = "me"
    UNASSIGNED = "Unassigned"


@dataclass(frozen=True, slots=True)
class Team:
    """`team:<id>`, or `team-and-members:<id>` where `with_members`."""

    id: int
    with_members: bool


def read_text(value: object) -> str:
    """Return the text, which may not be empty."""
    if not isinstance(value, str):
        raise ValueError("Must be a text.")
    if not value:
        raise ValueError("Must not be empty.")
    return value


def read_flag(value: object) -> bool:
    """Return the value, which must be JSON `true` or `false`."""
    if not isinstance(value, bool):
        raise ValueError("Must be true or false.")
    return value


def read_status(value: object) -> str:
    """Return the status, which must be one of the three, exactly."""
    if value not in STATUSES:
        raise ValueError(f"Must be one of {', '.join(STATUSES)}.")
    return str(value)


def read_priority(value: object) -> int:
    """Return a priority's code, from the code (10, "10") or the label, whose case does not matter.

    A label is ASCII: what the database and this program would fold differently is no label.
    """
    text = str(value) if isinstance(value, str | int) else ""
    if not text.isascii() or text.lower() not in PRIORITIES:
        raise ValueError("Must be 10, 20, 30 or 40, or Low, Normal, High or Urgent.")
    return PRIORITIES[text.lower()]


def read_number(value: object) -> int:
    """Return the number of a JSON integer, or of ASCII digits in a text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    number = read_digits(value) if isinstance(value, str) else None
    if number is None:
        raise ValueError("Must be a whole number.")
    return number


def read_name_or_id(value: object) -> str | int:
    """Return a name (a text), or an id (a JSON integer)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise ValueError("Must be a name (text) or an id (whole number).")
    return read_text(value)


def read_email(value: object) -> str | Word:
    """Return an e-mail address, or the word `me`."""
    return Word.ME if value == Word.ME.value else read_text(value)


def read_assignee(value: object) -> str | Word | Team:
    """Return an assignee: an e-mail address, `me`, `Unassigned`, or a team.

    Whatever begins like a team key in any case of letters must be one: an address cannot begin so.
    """
    text = read_text(value)
    if text == Word.UNASSIGNED.value:
        return Word.UNASSIGNED
    if not text.lower().startswith(("team:", "team-and-members:")):
        return read_email(text)
    word, _, digits = text.partition(":")
    number = read_digits(digits)
    if word not in {"team", "team-and-members"} or number is None:
        raise ValueError("Must be team:<id> or team-and-members:<id>, with the team's number.")
    return Team(number, with_members=word != "team")


def read_tag(value: object) -> str:
    """Return a hashtag without its `#`."""
    return read_text(read_text(value).removeprefix("#"))


def read_moment(day_time: time, value: object) -> str:
    """Return a UTC time as `YYYY-MM-DD HH:MM:SS`. A date alone means that day at `day_time`."""
    text = value if isinstance(value, str) else ""
    form = re.fullmatch(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?: ([0-9]{2}:[0-9]{2}:[0-9]{2}))?", text)
    if form is None:
        raise ValueError("Must be a date, YYYY-MM-DD or YYYY-MM-DD HH:MM:SS.")
    try:
        moment = datetime.fromisoformat(f"{form[1]}T{form[2] or day_time.isoformat()}")
    except ValueError:
        raise ValueError("Must be a date that exists, YYYY-MM-DD or YYYY-MM-DD HH:MM:SS.") from None
    return moment.isoformat(" ")
