"""The moment by which a request must be answered."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on a monotonic clock, shared by everything that a request waits for."""

    ends_at: float
    clock: Callable[[], float]

    @property
    def remaining_seconds(self) -> float:
        """The seconds that are left; 0 when the moment has passed."""
        return max(0.0, self.ends_at - self.clock())

    def within(self, seconds: float) -> "Deadline":
        """Return the earlier of this deadline and the moment in `seconds` from now."""
        return Deadline(min(self.ends_at, self.clock() + seconds), self.clock)
