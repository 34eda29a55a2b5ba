"""The results of checks, one line each."""

from dataclasses import dataclass
from enum import StrEnum


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


def ok(subject: str, text: str) -> CheckResult:
    """Return a result for a thing that is as it should be."""
    return CheckResult(Level.OK, subject, text)


def warning(subject: str, text: str) -> CheckResult:
    """Return a result for a thing that works, and might work better."""
    return CheckResult(Level.WARNING, subject, text)


def fault(subject: str, text: str) -> CheckResult:
    """Return a result for a thing that must be changed."""
    return CheckResult(Level.FAULT, subject, text)


def enumerate_some(names: list[str], most: int) -> str:
    """Return the first `most` of the names, and the number of those that are left."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
