"""The variables of OpenTelemetry that ask for traces."""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution

EXPORTER = "OTEL_TRACES_EXPORTER"
ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
PROTOCOL = "http/protobuf"
PACKAGE = "opentelemetry-exporter-otlp-proto-http"


def asks_for_traces(environ: Mapping[str, str]) -> bool:
    """Return True where spans are to be sent. Raise ValueError for another protocol, or where packages are missing."""

    def read(name: str) -> str:
        return environ.get(name, "").strip()

    if read("OTEL_SDK_DISABLED").lower() == "true":
        return False
    exporter = read(EXPORTER) or ("otlp" if any(map(read, ENDPOINTS)) else "none")
    if exporter == "none":
        return False
    if exporter != "otlp":
        raise ValueError(f"{EXPORTER} must be otlp or none")
    for name in PROTOCOLS:
        if read(name) not in {"", PROTOCOL}:
            raise ValueError(f"{name} must be {PROTOCOL}, which is the one that is spoken here")
    try:
        distribution(PACKAGE)
    except PackageNotFoundError:
        raise ValueError(
            f"{EXPORTER} is not none, and requirements/tracing.txt is not installed: install it, or say none"
        ) from None
    return True
