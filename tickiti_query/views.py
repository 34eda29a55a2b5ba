"""The HTTP edge: one route, every error in one shape, and the headers that tell what the body does not."""

import logging
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from time import perf_counter
from typing import Any

import orjson
from flask import Flask, Response, g, request
from flask_smorest import Blueprint
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from schemas.ticket_query import ErrorSchema, TicketListSchema, TicketQuerySchema
from tickiti_query import errors
from tickiti_query.request_trace import RequestTrace
from tickiti_query.search import TicketQuery
from tickiti_query.service import Reply, Request, TicketQueryService

log = logging.getLogger("tickiti_query.request")

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
LONGEST_IGNORED_HEADER = 4096
PATH = "/api/v1/tickets/query"


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
        raw = request.get_data(cache=False)
        content_type = request.headers.get("Content-Type", "")
        asked = Request(
            credentials=read_credentials(request.headers.get("Authorization")),
            address=request.remote_addr or "",
            body=(raw, content_type),
            read_query=lambda: note_ignored(read_body(raw, content_type)),
        )
        return render_reply(service.run(asked, g.trace))

    body = {"content": {"application/json": {"schema": TicketQuerySchema(max_row_limit=max_row_limit)}}}
    view = blueprint.doc(requestBody=body, security=[{"token": []}], operationId="queryTickets")(
        query_tickets
    )
    for status, (meaning, schema) in RESPONSES.items():
        view = blueprint.alt_response(status, schema=schema, description=meaning)(view)
    blueprint.route(PATH, methods=["POST"], provide_automatic_options=False)(view)
    return blueprint


RESPONSES = {
    200: ("The rows, in the perspective's order.", TicketListSchema),
    400: ("malformed_json: the body is not JSON.", ErrorSchema),
    401: ("unauthenticated: no valid token.", ErrorSchema),
    403: ("forbidden: the token lacks tickets:read, or may not be used from this address.", ErrorSchema),
    404: ("not_found: this user has no such perspective.", ErrorSchema),
    413: ("payload_too_large: the body is over 64 KiB.", ErrorSchema),
    415: ("unsupported_media_type: the body is not application/json.", ErrorSchema),
    422: ("validation_failed: a field has a wrong type or value; `errors` names it.", ErrorSchema),
    500: ("internal_error: a fault of this service.", ErrorSchema),
    501: ("unsupported_perspective: it uses something this service does not know.", ErrorSchema),
    503: ("replica_unavailable: no replica that is fresh enough; see Retry-After.", ErrorSchema),
    504: ("query_timeout: the statement ran past its limit.", ErrorSchema),
}


def note_ignored(query: TicketQuery) -> TicketQuery:
    """Keep the names of fields that nobody knows for the answer's headers."""
    g.ignored = query.ignored
    return query


def render_reply(reply: Reply) -> Response:
    """200: the bytes as they are, and what is worth saying about them in headers."""
    answer = reply.answer
    response = Response(answer.body, content_type="application/json")
    response.headers["X-Row-Count"] = str(answer.rows)
    response.headers["X-Truncated"] = "true" if answer.truncated else "false"
    response.headers["Cache-Status"] = reply.cache_status
    if answer.as_of:
        response.headers["X-Data-As-Of"] = render_moment(answer.as_of)
    if g.get("ignored"):
        response.headers["X-Ignored-Params"] = join_bounded(g.ignored)
    return response


def render_moment(moment: datetime) -> str:
    """A UTC time in ISO 8601, to the microsecond."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def join_bounded(names: tuple[str, ...]) -> str:
    """As many names as a header can carry; `...` stands for those that are left out."""
    text = ",".join(names)
    if len(text) <= LONGEST_IGNORED_HEADER:
        return text
    return text[:LONGEST_IGNORED_HEADER].rpartition(",")[0] + ",..."


def render_error(error: errors.QueryError) -> Response:
    """An error in the one shape that all have."""
    body: dict[str, Any] = {"ok": False, "error": error.code, "message": error.message}
    if isinstance(error, errors.ValidationFailed):
        body["errors"] = error.errors
    return Response(orjson.dumps(body), error.status, error.headers, content_type="application/json")


def translate_http(error: HTTPException) -> errors.QueryError:
    """What Flask refuses by itself, in our words."""
    if isinstance(error, MethodNotAllowed):
        return errors.MethodNotAllowed(list(error.valid_methods or ()))
    if isinstance(error, RequestEntityTooLarge):
        return errors.PayloadTooLarge()
    return errors.NotFound() if error.code == 404 else errors.MalformedJson("The request could not be read.")


def answer_error(error: Exception) -> Response:
    """The one place where errors become HTTP. What nobody foresaw is logged by its class and place."""
    if isinstance(error, HTTPException):
        error = translate_http(error)
    elif not isinstance(error, errors.QueryError):
        log.error("unforeseen error", exc_info=error, extra={"facts": {"request_id": g.request_id}})
        error = errors.QueryError()
    g.error = error.code
    return render_error(error)


def begin_request() -> None:
    """Name the request and start its clock."""
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(16)
    g.trace = RequestTrace()
    g.began = perf_counter()


def end_request(response: Response) -> Response:
    """Tell the request's name and time in headers, and all that happened in one log line."""
    trace: RequestTrace = g.trace
    seconds = perf_counter() - g.began
    response.headers["X-Request-ID"] = g.request_id
    if trace.durations:
        response.headers["Server-Timing"] = render_durations(trace.durations)
    facts = {
        "request_id": g.request_id,
        "method": request.method,
        "path": request.path,
        "status": response.status_code,
        "duration_ms": round(seconds * 1000, 3),
        "user_id": trace.user_id,
        "perspective_id": trace.perspective_id,
        "rows": trace.rows,
        "cache": trace.cache,
    }
    if "error" in g:
        facts["error"] = g.error
    log.info("request", extra={"facts": facts})
    return response


def render_durations(durations: Mapping[str, float]) -> str:
    """Server-Timing: milliseconds by name."""
    return ", ".join(f"{name};dur={seconds * 1000:.3f}" for name, seconds in durations.items())


def install(app: Flask) -> None:
    """Give the app our way of beginning, ending and failing a request."""
    app.before_request(begin_request)
    app.after_request(end_request)
    app.register_error_handler(Exception, answer_error)
    app.register_error_handler(HTTPException, answer_error)
