"""The way of a hit: a WSGI middleware that answers what a proved cache entry answers, and hands on everything else.

A poller asks the same all day, and for an answer that is there already routing, a request context and a response
object are most of the time (bench/README.md). What is not a hit goes on to Flask, and the exchange with it.
"""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from io import BytesIO
from time import monotonic
from typing import Any

from tickiti_query.http.error_answer import render_error
from tickiti_query.http.exchange import EXCHANGE, Exchange, Listeners
from tickiti_query.model.search import TicketQuery
from tickiti_query.query.request import Request
from tickiti_query.query.service import TicketQueryService

StartResponse = Callable[..., Any]
WsgiApp = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

LONGEST_BODY = 4096  # what a poller sends is short; a longer body goes the long way


class HotPath:
    """Stands in front of Flask's app for one path."""

    def __init__(
        self,
        app: WsgiApp,
        path: str,
        service: TicketQueryService,
        read_credentials: Callable[[str | None], Any],
        read_body: Callable[[bytes, str], TicketQuery],
        listeners: Listeners,
    ) -> None:
        self._app = app
        self._path = path
        self._service = service
        self._read_credentials = read_credentials
        self._read_body = read_body
        self._listeners = listeners

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer a hit; otherwise put the body back, and let the app answer."""
        if environ["PATH_INFO"] != self._path or environ["REQUEST_METHOD"] != "POST":
            return self._app(environ, start_response)
        length = environ.get("CONTENT_LENGTH") or "0"
        if not length.isdigit() or int(length) > LONGEST_BODY or "HTTP_TRANSFER_ENCODING" in environ:
            return self._app(environ, start_response)
        raw = environ["wsgi.input"].read(int(length))
        environ["wsgi.input"] = BytesIO(raw)
        if len(raw) < int(length):
            return self._app(environ, start_response)
        return self._answer_hit(raw, environ, start_response) or self._app(environ, start_response)

    def _answer_hit(
        self, raw: bytes, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes] | None:
        content_type = environ.get("CONTENT_TYPE", "")
        exchange = Exchange(self._listeners, environ, self._path)
        request = Request(
            credentials=self._read_credentials(environ.get("HTTP_AUTHORIZATION")),
            address=environ.get("REMOTE_ADDR", ""),
            body=(raw, content_type),
            size=len(raw) + len(content_type),
            received_at=monotonic(),
            read_query=lambda: self._read_body(raw, content_type),
        )
        try:
            exchange.state = self._service.begin(request, exchange.trace)
            reply = self._service.find(request, exchange.state, exchange.trace)
            if reply is None and self._service.knows(request):
                reply = self._service.run(request, exchange.trace, exchange.state)
        except Exception as fault:
            status, headers, body = render_error(exchange.blame(fault))
            start_response(name_status(status), [*headers, *exchange.describe()])
            exchange.end(status)
            return [body]
        if reply is None:
            environ[EXCHANGE] = exchange
            return None
        body = reply.answer.body
        exchange.ignored = reply.ignored
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("200 OK", [*headers, *exchange.describe_reply(reply), *exchange.describe()])
        exchange.end(200)
        return [body]


def name_status(status: int) -> str:
    """Return a status as WSGI has it: `404 Not Found`."""
    return f"{status} {HTTPStatus(status).phrase}"
