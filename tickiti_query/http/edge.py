"""The edge of the API's one route: each request is made here once, and hits are answered here.

A poller asks the same all day. For an answer that is there already, Flask's routing, context and response would be most
of the time, so a proved answer leaves from here, and so does one that is read again by a cached plan. Any other request
goes on to Flask's blueprint, as it was made here.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import monotonic
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

from werkzeug.wsgi import ClosingIterator

from tickiti_query.http.error_answer import name_status, render_error
from tickiti_query.http.request_context import Hooks, RequestContext
from tickiti_query.model.errors import PayloadTooLarge, QueryError
from tickiti_query.model.perspective import TicketQuery
from tickiti_query.model.request import LONGEST_BODY, Deadline, Request
from tickiti_query.model.token import parse_address, read_credentials
from tickiti_query.query.reader import Miss
from tickiti_query.query.service import TicketQueryService

NO_ADDRESS = "unknown"
CONTEXT, MISS = "tickiti_query.context", "tickiti_query.miss"  # where in a WSGI environment they go on to Flask
# The name that the caller used for us, and an offer to speak another protocol. Nothing here depends on either header,
# and Flask refuses some values of them before anybody has looked at the token.
UNHEARD = ("HTTP_HOST", "HTTP_UPGRADE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Stands in front of Flask's apps: of `admin_app` for its port, of `app` for POST to one path.

    A request has `longest_seconds` for everything.
    """

    app: WSGIApplication
    admin_app: WSGIApplication
    admin_port: str
    path: str
    service: TicketQueryService
    parse_body: Callable[[bytes | None, str], TicketQuery]
    hooks: Hooks
    trusted_proxies: int
    longest_seconds: float

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer the request, or let an app do so. The port is the connection's, whatever the client says in Host."""
        if environ["SERVER_PORT"] == self.admin_port:
            return self.admin_app(environ, start_response)
        if environ["REQUEST_METHOD"] != "POST" or environ["PATH_INFO"] not in {self.path, f"{self.path}/"}:
            return self._hand_on(environ, start_response)
        context = RequestContext(self.hooks, environ, environ["PATH_INFO"])
        try:
            reply = self.service.find_proved_answer(self._make_request(environ), context.trace)
            if isinstance(reply, Miss) and reply.plan is not None:
                reply = self.service.read_answer(reply)
        except Exception as failure:
            hold = None
            status, headers, body = render_error(context.to_query_error(failure))
            line = name_status(status)
        else:
            if isinstance(reply, Miss):
                environ[CONTEXT], environ[MISS] = context, reply
                return self._hand_on(environ, start_response)
            status, line, headers = 200, "200 OK", context.describe_reply(reply)
            body, hold = reply.answer.body, reply.hold
        start_response(line, [*headers, *context.describe()])
        context.end(status)
        if hold is None:
            return [body]
        return ClosingIterator([body], hold.release)  # the server closes it when the body is sent, or given up

    def _hand_on(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        for name in UNHEARD:
            environ.pop(name, None)
        return self.app(environ, start_response)

    def _make_request(self, environ: dict[str, Any]) -> Request:
        raw_body = read_body(environ)
        received_at = monotonic()
        return Request(
            address=find_address(environ, self.trusted_proxies),
            credentials=read_credentials(environ.get("HTTP_AUTHORIZATION")),
            raw_body=raw_body,
            content_type=environ.get("CONTENT_TYPE", ""),
            received_at=received_at,
            deadline=Deadline(received_at + self.longest_seconds, monotonic),
            parse_body=self.parse_body,
        )


def read_body(environ: dict[str, Any]) -> bytes | None:
    """Return the body's bytes; None where the body does not come to its end. Raises PayloadTooLarge.

    A caller who is not let in learns nothing of a broken body, so that it is no error yet.
    """
    is_chunked = "HTTP_TRANSFER_ENCODING" in environ
    length = LONGEST_BODY + 1 if is_chunked else int(environ.get("CONTENT_LENGTH") or 0)
    if length > LONGEST_BODY and not is_chunked:
        raise PayloadTooLarge
    try:
        raw: bytes = environ["wsgi.input"].read(length) if length else b""
    except QueryError:
        raise
    except Exception:  # the server's own, of broken chunks
        return None
    if len(raw) > LONGEST_BODY:
        raise PayloadTooLarge
    return raw if is_chunked or len(raw) == length else None


def find_address(environ: dict[str, Any], proxies: int) -> str:
    """Return the caller's address: the connection's, or what the farthest of `proxies` trusted proxies has seen.

    With fewer hops than proxies it is the connection's. A hop's port is left out, so that one caller has one address;
    a hop that is no address is NO_ADDRESS. Only commas split the header: client-supplied text must not affect how the
    proxies' entries after it are parsed. (werkzeug's ProxyFix knows quoted strings. It takes a header with one
    quotation mark for none at all, so that its sender would have the proxy's own address.)
    """
    connected: str = environ.get("REMOTE_ADDR", "")
    hops = environ.get("HTTP_X_FORWARDED_FOR", "").split(",") if proxies else [""]
    if hops == [""] or len(hops) < proxies:
        return connected
    hop = hops[-proxies].strip()
    # A zone (`fe80::1%eth0`) means something to the proxy's machine alone.
    address = None if "%" in hop else parse_address(hop)
    return NO_ADDRESS if address is None else str(address)
