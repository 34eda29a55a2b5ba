"""An answer: the rendered body, and what its headers tell."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """Rendered rows. `as_of` is the commit time of the newest replicated transaction that they reflect."""

    body: bytes
    rows: int
    truncated: bool
    perspective_id: int | None
    as_of: datetime | None
