"""A span of OpenTelemetry for every request, with the parts of its time below it; imported where traces are asked for.

Where they go, which of them, and how many at once, OpenTelemetry's own variables say, which its SDK reads. A thread of
the SDK's sends them: no request waits for a collector, and what it does not take in time is dropped.
"""

import threading
import time
from collections.abc import Mapping
from typing import Any, Protocol

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagators.textmap import Getter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode, format_trace_id, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from tickiti_query import VERSION
from tickiti_query.model.request import RequestTrace

FLUSH_SECONDS = 2.0
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
PHASES = {"cache": "proof"}  # what Server-Timing calls otherwise than metrics and spans


class Ended(Protocol):
    """The facts of a request that ends."""

    environ: Mapping[str, Any]
    path: str
    request_id: str
    trace: RequestTrace


class WsgiHeaders(Getter[Mapping[str, Any]]):
    """Reads the headers of a request out of its WSGI environment."""

    def get(self, carrier: Mapping[str, Any], key: str) -> list[str] | None:
        """Return the values of one header."""
        value = carrier.get(f"HTTP_{key.upper().replace('-', '_')}")
        return None if value is None else [value]

    def keys(self, carrier: Mapping[str, Any]) -> list[str]:
        """Return the names of all headers, as WSGI has them."""
        return [name for name in carrier if name.startswith("HTTP_")]


class Tracing:
    """Makes spans and has them sent; `route` is the path that may be part of a span's name."""

    def __init__(self, route: str) -> None:
        self._route = route
        ours = Resource({"service.name": "tickiti-query", "service.version": VERSION})
        resource = Resource.create().merge(ours).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("tickiti_query", VERSION)
        self._propagator = TraceContextTextMapPropagator()
        self._headers = WsgiHeaders()

    def write(self, context: Ended, status: int, seconds: float) -> str:
        """Make the spans of a request that ends now and took so long; the trace's id, in hexadecimal digits."""
        ended = time.time_ns()
        began = ended - round(seconds * 1e9)
        method = context.environ["REQUEST_METHOD"]
        name = method if method in METHODS else "HTTP"
        span = self._tracer.start_span(
            f"{name} {self._route}" if context.path == self._route else name,
            context=self._propagator.extract(context.environ, Context(), self._headers),
            kind=SpanKind.SERVER,
            attributes=self._describe(context, status),
            start_time=began,
        )
        if span.is_recording():
            self._write_phases(span, context.trace, began)
        if status >= 500:
            span.set_status(StatusCode.ERROR)
        span.end(ended)
        return format_trace_id(span.get_span_context().trace_id)

    def _describe(self, context: Ended, status: int) -> dict[str, str | int]:
        method, trace = context.environ["REQUEST_METHOD"], context.trace
        facts = {
            "http.request.method": method if method in METHODS else "_OTHER",
            "http.response.status_code": status,
            "http.route": self._route if context.path == self._route else None,
            "url.path": context.path,
            "url.scheme": context.environ["wsgi.url_scheme"],
            "error.type": context.trace.error,
            "user.id": None if trace.user_id is None else str(trace.user_id),
            "tickiti_query.request_id": context.request_id,
            "tickiti_query.perspective_id": trace.perspective_id,
            "tickiti_query.cache": trace.cache,
            "tickiti_query.rows": trace.rows,
        }
        return {name: value for name, value in facts.items() if value is not None}

    def _write_phases(self, span: Span, trace: RequestTrace, began: int) -> None:
        """Make a span for each phase that was measured, in the order in which they began."""
        context = set_span_in_context(span, Context())
        for name, seconds in trace.durations.items():
            phase = self._tracer.start_span(PHASES.get(name, name), context=context, start_time=began)
            began += round(seconds * 1e9)
            phase.end(began)

    def end(self) -> None:
        """Send what is left, and wait no longer for it than FLUSH_SECONDS."""
        sending = threading.Thread(target=self._provider.shutdown, name="last traces", daemon=True)
        sending.start()
        sending.join(FLUSH_SECONDS)
