"""Traces are asked for in OpenTelemetry's own variables."""

import pytest

from config import traces
from config.settings import SettingsError, load_settings
from config.traces import asks_for_traces

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "x"}, False),
        (ENDPOINT, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, False),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, False),
        ({**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, True),
    ],
)
def test_traces_are_asked_for_by_an_endpoint_or_by_name(environ: dict[str, str], expected: bool) -> None:
    assert asks_for_traces(environ) is expected
    given = {**environ, "TICKITI_REPLICA_URL": "postgresql://x"}
    assert load_settings(given).traces is expected


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"OTEL_TRACES_EXPORTER": "jaeger"}, "OTEL_TRACES_EXPORTER"),
        ({**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL"),
        (
            {**ENDPOINT, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"},
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        ),
    ],
)
def test_what_cannot_be_done_stops_the_start_with_the_others(environ: dict[str, str], name: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings({**environ, "TICKITI_WORKERS": "many"})
    assert f"\n  {name} must be" in str(raised.value)
    assert "TICKITI_WORKERS" in str(raised.value)


def test_without_the_packages_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "PACKAGE", "not-installed")
    with pytest.raises(ValueError, match=r"requirements/tracing\.txt is not installed"):
        asks_for_traces(ENDPOINT)
    assert asks_for_traces({}) is False
