"""The operations port: probes and metrics, on an address of its own of the same server."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from tickiti_query.model.errors import JSON_CONTENT_TYPE

METHODS = ["GET", "HEAD"]
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def make_admin_app(
    check: Callable[[], Mapping[str, str]],
    render_metrics: Callable[[], bytes],
    list_warnings: Callable[[], Sequence[str]] = tuple,
) -> Flask:
    """Return the app of the operations port: GET /livez, /readyz and /metrics.

    `list_warnings` gives what the last check found beside, and what takes no process out of service.
    """
    app = Flask(__name__, static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False

    def answer(status: int, **facts: Any) -> Response:
        return Response(msgspec.json.encode(facts), status, content_type=JSON_CONTENT_TYPE)

    @app.get("/livez")
    def report_liveness() -> Response:
        return answer(200, ok=True)

    @app.get("/readyz")
    def report_readiness() -> Response:
        checks = check()
        ok = all(word == "ok" for word in checks.values())
        warnings = list_warnings()
        return answer(200 if ok else 503, ok=ok, checks=checks, **({"warnings": warnings} if warnings else {}))

    @app.get("/metrics")
    def report_metrics() -> Response:
        return Response(render_metrics(), content_type=METRICS_TYPE)

    @app.errorhandler(Exception)
    def report_error(error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            app.logger.error("unforeseen error", exc_info=error)
            return answer(500, ok=False)
        if request.method not in METHODS:
            return answer(405, ok=False, methods=METHODS)
        return answer(404, ok=False, paths=["/livez", "/metrics", "/readyz"])

    @app.after_request
    def forbid_storing(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        return response

    return app
