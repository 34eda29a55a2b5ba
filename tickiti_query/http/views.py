"""The HTTP edge: one route, every error in one shape, and the headers that tell what the body does not."""

import sys
from collections.abc import Callable
from time import monotonic
from typing import Any

from flask import Flask, Response, g, request
from flask_smorest import Blueprint
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from tickiti_query.http.documented_route import add_documented_route
from tickiti_query.http.error_answer import render_error
from tickiti_query.http.exchange import EXCHANGE, Exchange, Listeners
from tickiti_query.model import errors
from tickiti_query.model.search import TicketQuery
from tickiti_query.query.request import Request
from tickiti_query.query.service import TicketQueryService

PATH = "/api/v1/tickets/query"
BROKEN_BODY = "The body could not be read to its end."


def make_blueprint(
    service: TicketQueryService,
    read_credentials: Callable[[str | None], Any],
    read_body: Callable[[bytes, str], TicketQuery],
    max_row_limit: int,
) -> Blueprint:
    """The blueprint of the API, over a service that answers requests."""
    blueprint = Blueprint("tickets", __name__, description="Tickets as a saved view shows them.")

    def query_tickets() -> Response:
        """List the tickets that a perspective shows.

        The rows, their order and what is left out are what the token's owner sees on screen.
        """
        raw = read_raw()
        content_type = request.headers.get("Content-Type", "")

        def read_query() -> TicketQuery:
            if raw is None:
                raise errors.MalformedJson(BROKEN_BODY)
            return read_body(raw, content_type)

        asked = Request(
            credentials=read_credentials(request.headers.get("Authorization")),
            address=request.remote_addr or "",
            body=(raw, content_type),
            size=len(raw or b"") + len(content_type),
            received_at=monotonic(),
            read_query=read_query,
        )
        exchange: Exchange = g.exchange
        reply = service.run(asked, exchange.trace, exchange.state)
        exchange.ignored = reply.ignored
        response = Response(reply.answer.body, content_type="application/json")
        response.headers.extend(exchange.describe_reply(reply))
        return response

    add_documented_route(blueprint, PATH, query_tickets, max_row_limit)
    return blueprint


def read_raw() -> bytes | None:
    """The body's bytes; None where it does not come to its end. PayloadTooLarge.

    What is wrong with a body is told to those alone who are let in.
    """
    too_long = request.max_content_length or sys.maxsize
    if (request.content_length or 0) >= too_long:
        raise errors.PayloadTooLarge
    try:
        raw = request.get_data(cache=False)
    except (HTTPException, errors.QueryError):
        raise
    except Exception:  # the server's own, of broken chunks
        return None
    if len(raw) >= too_long:
        raise errors.PayloadTooLarge
    return raw if len(raw) >= (request.content_length or 0) else None


def translate_http(error: HTTPException) -> errors.QueryError:
    """What Flask refuses by itself, in our words."""
    if isinstance(error, MethodNotAllowed):
        return errors.MethodNotAllowed(list(error.valid_methods or ()))
    if isinstance(error, RequestEntityTooLarge):
        return errors.PayloadTooLarge()
    return errors.NotFound() if error.code == 404 else errors.MalformedJson("The request could not be read.")


def answer_error(error: Exception) -> Response:
    """The one place where errors become HTTP."""
    exchange: Exchange = g.exchange
    found = exchange.blame(translate_http(error) if isinstance(error, HTTPException) else error)
    status, headers, body = render_error(found)
    return Response(body, status, headers)


def begin_request(listeners: Listeners) -> None:
    """Name the request and start its clock, unless it has begun on the hot path."""
    begun: Exchange | None = request.environ.get(EXCHANGE)
    g.exchange = begun or Exchange(listeners, request.environ, request.path)


def end_request(response: Response) -> Response:
    """Tell the request's name and time in headers, count it, and write its log line."""
    exchange: Exchange = g.exchange
    response.headers.extend(exchange.describe())
    exchange.end(response.status_code)
    return response


# The name that the caller used for us, and an offer to speak something else than HTTP. Nothing here depends on either,
# and Flask refuses some of them before anybody has looked at the token.
UNHEARD = ("HTTP_HOST", "HTTP_UPGRADE")


def ignore_headers(wsgi_app: Callable[..., Any]) -> Callable[..., Any]:
    """The app, told nothing of the headers that it need not hear."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        for name in UNHEARD:
            environ.pop(name, None)
        return wsgi_app(environ, start_response)

    return answer


def install(app: Flask, listeners: Listeners) -> None:
    """Give the app our way of beginning, ending and failing a request; `listeners` hear of each."""
    app.before_request(lambda: begin_request(listeners))
    app.after_request(end_request)
    app.register_error_handler(Exception, answer_error)
    app.register_error_handler(HTTPException, answer_error)
    app.wsgi_app = ignore_headers(app.wsgi_app)  # type: ignore[method-assign]
