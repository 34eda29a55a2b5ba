"""Rules for a request's head that gunicorn does not have; any worker class can apply them."""

from typing import Any

from gunicorn.http.errors import InvalidHeader

from tickiti_query.model.request import LONGEST_BODY


def check_head(request: Any) -> None:
    """Refuse HTTP/1.1 without Host, and end the connection after a body that is announced to be too long.

    `request` is gunicorn's. Raises InvalidHeader, which gunicorn answers with 400.
    """
    headers = dict(request.headers)  # gunicorn refuses a second Host and a second Content-Length
    if request.version >= (1, 1) and "HOST" not in headers:
        raise InvalidHeader("HOST")
    if int(headers.get("CONTENT-LENGTH", 0)) > LONGEST_BODY:
        request.force_close()
        request._expected_100_continue = False  # noqa: SLF001  the body would be sent for nothing
