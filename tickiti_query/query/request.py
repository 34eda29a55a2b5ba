"""A request as it comes over the wire."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property

from tickiti_query.model.perspective import TicketQuery
from tickiti_query.model.request import Deadline
from tickiti_query.model.token import Credentials

LONGEST_BODY = 64 * 1024


@dataclass(frozen=True)  # without slots: the parsed query is kept in the instance
class Request:
    """One request. `raw_body` is None where the body did not come to its end.

    `received_at` is when it was fully received, on the monotonic clock; `deadline` bounds everything that it waits for.
    """

    credentials: Credentials
    address: str
    raw_body: bytes | None
    content_type: str
    received_at: float
    deadline: Deadline
    parse_body: Callable[[bytes | None, str], TicketQuery]

    @cached_property
    def query(self) -> TicketQuery:
        """The parsed body. Raises UnsupportedMediaType, MalformedJson and ValidationFailed."""
        return self.parse_body(self.raw_body, self.content_type)

    @property
    def size(self) -> int:
        """The bytes of the body and its media type."""
        return len(self.raw_body or b"") + len(self.content_type)

    @property
    def key(self) -> Hashable:
        """A value that is equal for two requests that ask the same with the same token."""
        return self.credentials, self.raw_body, self.content_type
