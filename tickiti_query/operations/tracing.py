"""A span of OpenTelemetry for every request, with the parts of its time below it; imported where traces are asked for.

Where they go, which of them, and how many at once, OpenTelemetry's own variables say, which its SDK reads. A thread of
the SDK's sends them: no request waits for a collector, and what it does not take in time is dropped.
"""

import threading
import time

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode, format_trace_id, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from tickiti_query import VERSION
from tickiti_query.http.request_context import RequestContext

FLUSH_SECONDS = 2.0
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
PHASES = {"cache": "proof"}  # what Server-Timing calls otherwise than metrics and spans


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

    def write(self, context: RequestContext, status: int, seconds: float) -> str:
        """Make the spans of a request that ends now and took so long; the trace's id, in hexadecimal digits."""
        ended = time.time_ns()
        began = ended - round(seconds * 1e9)
        environ, trace = context.environ, context.trace
        method = environ["REQUEST_METHOD"] if environ["REQUEST_METHOD"] in METHODS else None
        route = self._route if context.path == self._route else None
        facts = {
            "http.request.method": method or "_OTHER",
            "http.response.status_code": status,
            "http.route": route,
            "url.path": context.path,
            "url.scheme": environ["wsgi.url_scheme"],
            "error.type": trace.error,
            "user.id": None if trace.user_id is None else str(trace.user_id),
            "tickiti_query.request_id": context.request_id,
            "tickiti_query.perspective_id": trace.perspective_id,
            "tickiti_query.cache": trace.cache,
            "tickiti_query.rows": trace.rows,
        }
        caller = {name: environ.get(f"HTTP_{name.upper()}") for name in ("traceparent", "tracestate")}
        span = self._tracer.start_span(
            " ".join(filter(None, (method or "HTTP", route))),
            context=self._propagator.extract(caller, Context()),
            kind=SpanKind.SERVER,
            attributes={name: value for name, value in facts.items() if value is not None},
            start_time=began,
        )
        if span.is_recording():
            within = set_span_in_context(span, Context())
            for stage, stage_seconds in trace.durations.items():
                phase = self._tracer.start_span(PHASES.get(stage, stage), context=within, start_time=began)
                began += round(stage_seconds * 1e9)
                phase.end(began)
        if status >= 500:
            span.set_status(StatusCode.ERROR)
        span.end(ended)
        return format_trace_id(span.get_span_context().trace_id)

    def end(self) -> None:
        """Send what is left, and wait no longer for it than FLUSH_SECONDS."""
        sending = threading.Thread(target=self._provider.shutdown, name="last traces", daemon=True)
        sending.start()
        sending.join(FLUSH_SECONDS)
