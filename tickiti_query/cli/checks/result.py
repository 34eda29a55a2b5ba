"""What a check found: one line each."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """`fault`: the service would not work, or could write. `warning`: it works, and might do so better."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line: how bad, about what, and what is the matter or is well."""

    level: Level
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.level:<7}  {self.subject}: {self.text}"


def ok(subject: str, text: str) -> CheckResult:
    """As it should be."""
    return CheckResult(Level.OK, subject, text)


def warning(subject: str, text: str) -> CheckResult:
    """Works, and might do so better."""
    return CheckResult(Level.WARNING, subject, text)


def fault(subject: str, text: str) -> CheckResult:
    """Has to be changed."""
    return CheckResult(Level.FAULT, subject, text)


def enumerate_some(names: list[str], most: int) -> str:
    """The first `most` of the names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
