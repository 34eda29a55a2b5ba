"""A caller's rate-limit status: how much of the rate is left, and when the next window begins."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RateLimitStatus:
    """The requests that remain of a limit, in a window that ends in `seconds_left`.

    `is_exceeded` is True for the request after the last one that the limit allows.
    """

    limit: int
    remaining: int
    seconds_left: int
    is_exceeded: bool

    def describe(self) -> list[tuple[str, str]]:
        """Return the headers of the status, each as a name and a value."""
        return [
            ("RateLimit-Limit", str(self.limit)),
            ("RateLimit-Remaining", str(self.remaining)),
            ("RateLimit-Reset", str(self.seconds_left)),
        ]
