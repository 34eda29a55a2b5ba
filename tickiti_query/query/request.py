"""What comes over the wire, before anybody has understood it."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Protocol

from tickiti_query.model.search import TicketQuery

LONGEST_BODY = 64 * 1024


class Credentials(Hashable, Protocol):
    """What a request shows of a token; `fingerprint` stands for the token, None where there is none."""

    @property
    def fingerprint(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `read_query` understands the body, and raises what is wrong with it.

    `received_at` is when the request was fully received, on the monotonic clock.

    `body` stands for the body where equal requests are recognised; it has `size` bytes.
    """

    credentials: Credentials
    address: str
    body: Hashable
    size: int
    received_at: float
    read_query: Callable[[], TicketQuery]

    @property
    def key(self) -> Hashable:
        """Equal for two requests that ask the same with the same token."""
        return self.credentials, self.body
