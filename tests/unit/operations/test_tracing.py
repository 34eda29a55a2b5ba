"""The spans of a request that ends, as a collector receives them."""

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.support.collector import Received, open_collector
from tickiti_query.http.request_context import Hooks, RequestContext
from tickiti_query.operations.tracing import Tracing

ENVIRON = {"REQUEST_METHOD": "POST", "wsgi.url_scheme": "https"}


def write(monkeypatch: pytest.MonkeyPatch, status: int, error: str | None) -> tuple[str, Received]:
    """The trace's id, and the span of an exchange that took ten milliseconds, three of them in SQL."""
    with open_collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        tracing = Tracing("/route")
        context = RequestContext(Hooks(lambda *_: None), ENVIRON, "/route")
        context.trace.error = error
        context.trace.stages += [("sql", 0.0), (None, 0.003)]
        name = tracing.write(context, status, 0.01)
        tracing.end()
        (request,) = collector.list_requests()
        (phase,) = collector.list_phases(request)
        assert (phase.name, phase.end_time_unix_nano - phase.start_time_unix_nano) == ("sql", 3_000_000)
        return name, request


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (200, None, Status.STATUS_CODE_UNSET),
        (404, "not_found", Status.STATUS_CODE_UNSET),
        (503, "replica_unavailable", Status.STATUS_CODE_ERROR),
    ],
)
def test_a_span_fails_where_the_service_does(
    monkeypatch: pytest.MonkeyPatch, status: int, error: str | None, expected: int
) -> None:
    name, request = write(monkeypatch, status, error)
    assert request.span.trace_id.hex() == name
    assert request.span.status.code == expected
    assert request.attributes.get("error.type") == error
    assert request.span.end_time_unix_nano - request.span.start_time_unix_nano == 10_000_000


def test_nothing_is_sent_of_a_trace_that_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
        tracing = Tracing("/route")
        assert len(tracing.write(RequestContext(Hooks(lambda *_: None), ENVIRON, "/route"), 200, 0.01)) == 32
        tracing.end()
        assert collector.received == []
