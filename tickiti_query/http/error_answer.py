"""Errors as HTTP: the one place that turns an error into a status, headers and a body."""

from http import HTTPStatus

import msgspec

from tickiti_query.model.errors import JSON_CONTENT_TYPE, QueryError

Headers = list[tuple[str, str]]


def name_status(status: int) -> str:
    """Return a status as WSGI has it: `404 Not Found`."""
    return f"{status} {HTTPStatus(status).phrase}"


def render_error(error: QueryError) -> tuple[int, Headers, bytes]:
    """Return the status, the headers and the body of an error's answer."""
    body = msgspec.json.encode(error.body)
    headers = [
        ("Content-Type", JSON_CONTENT_TYPE),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
    ]
    return error.status, [*headers, *error.headers.items()], body


def write_error_answer(error: QueryError, request_id: str) -> bytes:
    """Return an error's whole answer as it goes over the wire; the connection ends with it."""
    status, headers, body = render_error(error)
    lines = [f"HTTP/1.1 {name_status(status)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    lines += [f"X-Request-ID: {request_id}", "Connection: close", "", ""]
    return "\r\n".join(lines).encode() + body
