"""Flask's part of the API: the blueprint with its one route, and the hooks that begin, end and fail a request."""

from flask import Flask, Response, g, request
from flask_smorest import Blueprint
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from tickiti_query.http.edge import CONTEXT, MISS
from tickiti_query.http.error_answer import render_error
from tickiti_query.http.openapi import add_documented_route
from tickiti_query.http.request_context import Hooks, RequestContext
from tickiti_query.model import errors
from tickiti_query.model.errors import JSON_CONTENT_TYPE
from tickiti_query.query.service import TicketQueryService

PATH = "/api/v1/tickets/query"


def make_blueprint(service: TicketQueryService, max_row_limit: int) -> Blueprint:
    """Return the blueprint of the API, over a service that answers requests."""
    blueprint = Blueprint("tickets", __name__, description="Tickets as a saved view shows them.")

    def query_tickets() -> Response:
        """List the tickets that a perspective shows.

        The rows, their order and what is left out are what the token's owner sees on screen.
        """
        context: RequestContext = g.request_context
        reply = service.read_answer(request.environ[MISS])
        response = Response(reply.answer.body, headers=context.describe_reply(reply))
        if reply.hold is not None:
            response.call_on_close(reply.hold.release)
        return response

    add_documented_route(blueprint, PATH, query_tickets, max_row_limit)
    return blueprint


def translate_http(error: HTTPException) -> errors.QueryError:
    """Return our error for one that Flask raises by itself."""
    if isinstance(error, MethodNotAllowed):
        return errors.MethodNotAllowed(list(error.valid_methods or ()))
    if isinstance(error, RequestEntityTooLarge):
        return errors.PayloadTooLarge()
    return errors.NotFound() if error.code == 404 else errors.MalformedJson("The request could not be read.")


def answer_error(failure: Exception) -> Response:
    """Return the answer to any failure on the way through Flask."""
    context: RequestContext = g.request_context
    error = translate_http(failure) if isinstance(failure, HTTPException) else failure
    status, headers, body = render_error(context.to_query_error(error))
    return Response(body, status, headers)


def end_request(response: Response) -> Response:
    """Add the headers of every answer, and end the request. A file's answer has its own rules for caches."""
    context: RequestContext = g.request_context
    response.headers.setdefault("Cache-Control", "no-store")
    if response.content_type == "application/json":  # the document's: flask-smorest names no charset
        response.content_type = JSON_CONTENT_TYPE
    response.headers.extend(context.describe())
    context.end(response.status_code)
    return response


def install(app: Flask, hooks: Hooks) -> None:
    """Let the app begin, end and fail requests in our way; `hooks` are called for each of them."""

    @app.before_request
    def begin_request() -> None:
        g.request_context = request.environ.get(CONTEXT) or RequestContext(hooks, request.environ, request.path)

    app.after_request(end_request)
    app.register_error_handler(Exception, answer_error)
    app.register_error_handler(HTTPException, answer_error)
