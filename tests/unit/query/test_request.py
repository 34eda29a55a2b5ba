"""A request as it comes over the wire: the memory that it takes where it is kept."""

import pytest

from tickiti_query.model.perspective import TicketQuery
from tickiti_query.model.request import Deadline
from tickiti_query.model.token import Credentials
from tickiti_query.query.request import Request


@pytest.mark.parametrize(("body", "size"), [(b"{}", 18), (b"", 16), (None, 16)])
def test_the_size_is_of_the_body_and_its_media_type(body: bytes | None, size: int) -> None:
    request = Request(
        credentials=Credentials("a" * 64),
        address="203.0.113.9",
        raw_body=body,
        content_type="application/json",
        received_at=0.0,
        deadline=Deadline(5.0, lambda: 0.0),
        parse_body=lambda _body, _type: TicketQuery(),
    )
    assert request.size == size
