"""Where a caller stands with a rate: how much of it is used up, and when it begins anew."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(slots=True)  # not frozen: that takes five times as long to make, and every hit makes one
class Standing:
    """A count against a limit, in a window that ends in `seconds_left`."""

    limit: int
    count: int
    seconds_left: int

    @property
    def is_over(self) -> bool:
        """Whether the limit is passed: exactly `limit` is still within it."""
        return self.count > self.limit

    def describe(self) -> Iterator[tuple[str, str]]:
        """The headers that tell it."""
        yield "RateLimit-Limit", str(self.limit)
        yield "RateLimit-Remaining", str(max(0, self.limit - self.count))
        yield "RateLimit-Reset", str(self.seconds_left)
