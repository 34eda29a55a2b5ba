"""The single checks: each reads one aspect of the replica and yields results, one line each."""

from dataclasses import dataclass
from enum import StrEnum
from functools import partial


class Level(StrEnum):
    """`fault`: the service would not work, or could write. `warning`: it works, and might do so better."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line: a level, a subject, and a sentence."""

    level: Level
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.level:<7}  {self.subject}: {self.text}"


ok = partial(CheckResult, Level.OK)
warning = partial(CheckResult, Level.WARNING)
fault = partial(CheckResult, Level.FAULT)


def enumerate_some(names: list[str], most: int) -> str:
    """Return the first `most` of the names, and the number of those that are left."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
