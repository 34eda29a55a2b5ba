"""A collector of traces: a server that takes OTLP over HTTP, decodes it and remembers the spans."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span


def read_attributes(pairs: Any) -> dict[str, Any]:
    """Attributes by name."""

    def read(pair: KeyValue) -> Any:
        kind = pair.value.WhichOneof("value")
        return None if kind is None else getattr(pair.value, kind)

    return {pair.key: read(pair) for pair in pairs}


@dataclass(frozen=True)
class Received:
    """A span, and what is said of who made it."""

    span: Span
    resource: dict[str, Any]

    @property
    def attributes(self) -> dict[str, Any]:
        return read_attributes(self.span.attributes)


@dataclass
class Collector:
    """The spans that came in, in the order in which they came."""

    port: int
    received: list[Received] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def list_requests(self) -> list[Received]:
        """The spans of requests."""
        return [each for each in self.received if each.span.kind == Span.SPAN_KIND_SERVER]

    def list_phases(self, request: Received) -> list[Span]:
        """The spans below that of a request, in the order of time."""
        below = (each.span for each in self.received if each.span.parent_span_id == request.span.span_id)
        return sorted(below, key=lambda span: span.start_time_unix_nano)


@contextmanager
def open_collector() -> Iterator[Collector]:
    """A collector that runs until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            data = self.rfile.read(int(self.headers["Content-Length"]))
            for group in ExportTraceServiceRequest.FromString(data).resource_spans:
                resource = read_attributes(group.resource.attributes)
                for scope in group.scope_spans:
                    collector.received.extend(Received(span, resource) for span in scope.spans)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector = Collector(server.server_port)
        serving = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        serving.start()
        try:
            yield collector
        finally:
            server.shutdown()
            serving.join()
