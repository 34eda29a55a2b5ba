"""The commit, what asks for traces, what libpq must not heed, and misspelt variables named with their settings."""

from pathlib import Path

import pytest

from config import environment
from config.environment import OTHERS, ROOT, UNCOUNTED, asks_for_traces, describe_misspelt, drop_uncounted, read_commit
from config.settings import VARIABLES, SettingsError, load_settings

COMMIT, OTHER = "0123456789abcdef" * 2 + "01234567", "f" * 40
ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
MISSPELT = {
    "TICKITI_TREADS": "TICKITI_THREADS",
    "TICKITI_THREAD": "TICKITI_THREADS",
    "TICKITI_LOGLEVEL": "TICKITI_LOG_LEVEL",
    "TICKITI_REPLICA": "TICKITI_REPLICA_URL",
    "TICKITI_REPLICA_URI": "TICKITI_REPLICA_URL",
    "TICKITI_CACHE_TTL": "TICKITI_CACHE_TTL_SECONDS",
    "TICKITI_CACHE_MAXBYTES": "TICKITI_CACHE_MAX_BYTES",
    "TICKITI_TRUSTED_PROXY": "TICKITI_TRUSTED_PROXIES",
    "TICKITI_RATELIMIT_STORAGE": "TICKITI_RATE_LIMIT_STORAGE",
    "tickiti_workers": "TICKITI_WORKERS",
    "TICKTI_WORKERS": "TICKITI_WORKERS",
    "TICKETI_RATE_LIMIT": "TICKITI_RATE_LIMIT",
}
# As kubelet makes them of Services named tickiti, tickiti-query and tickiti-web.
INJECTED = {
    "TICKITI_PORT": "tcp://10.0.0.7:80",
    "TICKITI_PORT_8080_TCP": "tcp://10.0.0.7:8080",
    "TICKITI_PORT_8080_TCP_PROTO": "tcp",
    "TICKITI_PORT_8080_TCP_PORT": "8080",
    "TICKITI_PORT_8080_TCP_ADDR": "10.0.0.7",
    "TICKITI_SERVICE_HOST": "10.0.0.7",
    "TICKITI_SERVICE_PORT": "80",
    "TICKITI_SERVICE_PORT_HTTP": "80",
    "TICKITI_QUERY_PORT": "udp://10.0.0.8:80",
    "TICKITI_QUERY_PORT_53_UDP": "udp://10.0.0.8:53",
    "TICKITI_QUERY_SERVICE_HOST": "10.0.0.8",
    "TICKITI_QUERY_SERVICE_PORT": "80",
    "TICKITI_QUERY_SERVICE_PORT_OPERATIONS": "9090",
    "TICKITI_WEB_SERVICE_HOST": "10.0.0.9",
}


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / ".git" / name.replace("__", "/").replace("_", "-")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def test_the_environment_goes_before_the_checkout(tmp_path: Path) -> None:
    assert read_commit({"SOURCE_COMMIT": f" {OTHER}\n"}, write(tmp_path, HEAD=COMMIT)) == OTHER
    assert read_commit({"SOURCE_COMMIT": ""}, tmp_path) == COMMIT


def test_the_commit_of_a_branch_is_read(tmp_path: Path) -> None:
    write(tmp_path, HEAD="ref: refs/heads/main\n", packed_refs=f"# pack-refs\n{COMMIT} refs/heads/main\n")
    assert read_commit({}, tmp_path) == COMMIT
    write(tmp_path, refs__heads__main=f"{OTHER}\n")
    assert read_commit({}, tmp_path) == OTHER


def test_elsewhere_it_is_unknown(tmp_path: Path) -> None:
    assert read_commit({}, tmp_path) == "unknown"
    assert read_commit({}, write(tmp_path, HEAD="ref: refs/heads/empty", packed_refs="")) == "unknown"
    assert read_commit({}, write(tmp_path, HEAD="nonsense")) == "unknown"


def test_the_checkout_is_that_of_the_running_code() -> None:
    assert (ROOT / "app.py").is_file()


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
    monkeypatch.setattr(environment, "PACKAGE", "not-installed")
    with pytest.raises(ValueError, match=r"requirements/tracing\.txt is not installed"):
        asks_for_traces(ENDPOINT)
    assert asks_for_traces({}) is False


@pytest.mark.parametrize(("name", "meant"), MISSPELT.items())
def test_a_misspelt_variable_is_named_with_the_nearest_setting(name: str, meant: str) -> None:
    [sentence] = describe_misspelt({name: "hunter2"}, VARIABLES)
    assert sentence == f"{name} is no setting, and is ignored: did you mean {meant}?"


@pytest.mark.parametrize("name", ["TICKITI_FAVOURITE_COLOUR", "TICKITI_PORT", "TICKITI_"])
def test_a_variable_that_is_near_none_is_named_alone(name: str) -> None:
    assert list(describe_misspelt({name: "8080"}, VARIABLES)) == [f"{name} is no setting, and is ignored"]


@pytest.mark.parametrize("name", INJECTED)
def test_what_kubernetes_injects_is_left_out(name: str) -> None:
    assert list(describe_misspelt({name: INJECTED[name]}, VARIABLES)) == []


def test_settings_and_what_is_nobodys_business_are_left_out() -> None:
    environ = dict.fromkeys((*VARIABLES, *OTHERS, "PATH", "TERM", "TZ", "TICKER", "WORKERS", "REPLICA_URL"), "x")
    assert list(describe_misspelt(environ, VARIABLES)) == []


def test_what_must_not_count_is_taken_out_and_named() -> None:
    environ = dict.fromkeys((*UNCOUNTED, "PGPASSFILE", "PGSSLROOTCERT", "PGUSER", "PGDATA", "HOME"), "hunter2")
    sentences = list(drop_uncounted(environ))
    assert [sentence.partition(" ")[0] for sentence in sentences] == list(UNCOUNTED)
    assert environ.keys() == {"PGPASSFILE", "PGSSLROOTCERT", "PGUSER", "PGDATA", "HOME"}
    assert not [sentence for sentence in sentences if "hunter2" in sentence]
    assert list(drop_uncounted(environ)) == []


def test_an_empty_one_is_taken_out_too() -> None:
    environ = {"PGTZ": ""}
    assert len(list(drop_uncounted(environ))) == 1
    assert environ == {}
