"""Traces of gunicorn's workers, as a collector receives them; and none, where nobody asks for them."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from demo.loading import READER
from demo.pair import Pair
from tests.support.collector import Collector, Received, open_collector
from tests.support.leak_listener import find_leaks
from tests.support.running import ROOT, SECONDS, Running, build_environment, wait_until
from tests.support.shop import PATH, PRIYA
from tickiti_query import VERSION
from tickiti_query.operations.tracing import FLUSH_SECONDS

Start = Callable[..., Running]


@pytest.fixture(scope="module")
def start(shop_pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Starts the service with variables of OpenTelemetry's."""
    started: list[Running] = []

    def start_one(**variables: str) -> Running:
        log = tmp_path_factory.mktemp("traces") / "log"
        started.append(Running(shop_pair.standby.url_for(READER), log, **variables))
        wait_until(started[-1].is_up)
        return started[-1]

    try:
        yield start_one
    finally:
        for running in started:
            running.end()


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with open_collector() as opened:
        yield opened


@pytest.fixture(scope="module")
def running(start: Start, collector: Collector) -> Running:
    return start(
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint,
        OTEL_BSP_SCHEDULE_DELAY="20",
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=shop",
        TICKITI_WORKERS="1",
    )


def find_line(running: Running, request_id: str) -> dict[str, Any]:
    """The line of the log that a request has."""
    (line,) = [json.loads(line) for line in running.read_log().splitlines() if f'"{request_id}"' in line]
    return dict(line)


def trace(
    running: Running,
    collector: Collector,
    name: str,
    *,
    method: str = "POST",
    path: str = PATH,
    token: str = PRIYA,
    body: str = "{}",
    **headers: str,
) -> Received:
    """The span of a request that is sent under a name of its own."""
    running.request(method, path, token=token, body=body, headers={"X-Request-ID": name, **headers})

    def find() -> list[Received]:
        return [each for each in collector.list_requests() if each.attributes["tickiti_query.request_id"] == name]

    wait_until(lambda: len(find()) == 1)
    (found,) = find()
    return found


def test_a_request_is_a_span_with_what_it_took_below(running: Running, collector: Collector) -> None:
    body = '{"perspective_id": 3, "row_limit": 7}'
    began = time.time_ns()
    miss = trace(running, collector, "a-miss", token=PRIYA, body=body)
    hit = trace(running, collector, "a-hit", token=PRIYA, body=body)
    for request, word, phases in (
        (miss, "miss", ["proof", "auth", "sql", "render"]),
        (hit, "hit", ["proof", "auth"]),
    ):
        assert request.span.name == f"POST {PATH}"
        assert request.attributes == {
            "http.request.method": "POST",
            "http.response.status_code": 200,
            "http.route": PATH,
            "url.path": PATH,
            "url.scheme": "http",
            "user.id": "1",
            "tickiti_query.request_id": f"a-{word}",
            "tickiti_query.perspective_id": 3,
            "tickiti_query.cache": word,
            "tickiti_query.rows": 7,
        }
        assert began < request.span.start_time_unix_nano < request.span.end_time_unix_nano < time.time_ns()
        below = collector.list_phases(request)
        assert [span.name for span in below] == phases
        assert below[0].start_time_unix_nano == request.span.start_time_unix_nano
        assert below[-1].end_time_unix_nano <= request.span.end_time_unix_nano
        assert find_line(running, f"a-{word}")["trace_id"] == request.span.trace_id.hex()
    assert miss.span.trace_id != hit.span.trace_id
    said = {"service.name": "tickiti-query", "service.version": VERSION}
    assert miss.resource.items() >= {**said, "deployment.environment.name": "shop"}.items()


def test_a_refusal_says_why(running: Running, collector: Collector) -> None:
    refused = trace(running, collector, "refused", token="wrong", body='{"perspective_id": 3}')
    assert refused.attributes["error.type"] == "unauthenticated"
    assert refused.attributes["http.response.status_code"] == 401
    assert refused.span.status.code == Status.STATUS_CODE_UNSET  # the caller's mistake, not the server's
    lost = trace(running, collector, "lost", method="BREW", path="/some/where")
    assert (lost.span.name, lost.attributes["http.request.method"]) == ("HTTP", "_OTHER")
    assert (lost.attributes["url.path"], lost.attributes["error.type"]) == ("/some/where", "not_found")
    assert "http.route" not in lost.attributes


def test_the_trace_of_the_caller_goes_on(running: Running, collector: Collector) -> None:
    trace_id, caller = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    parent = f"00-{trace_id}-{caller}-"
    span = trace(running, collector, "known", traceparent=f"{parent}01").span
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (trace_id, caller)
    broken = trace(running, collector, "broken", traceparent="00-xyz-01").span
    assert not broken.parent_span_id
    # The caller has decided that this one is not kept: the log names it, and no span is sent.
    running.request("POST", PATH, token=PRIYA, headers={"traceparent": f"{parent}00", "X-Request-ID": "unkept"})
    wait_until(lambda: '"unkept"' in running.read_log())
    assert find_line(running, "unkept")["trace_id"] == trace_id
    trace(running, collector, "later")
    names = {each.attributes["tickiti_query.request_id"] for each in collector.list_requests()}
    assert "unkept" not in names


def test_no_span_has_a_token_sql_or_a_body(running: Running, collector: Collector) -> None:
    criteria = '[{"mode": "subject", "tokens": ["carbon"]}]'
    trace(running, collector, "said", token=PRIYA, body=f'{{"search_object": {{"criteria": {criteria}}}}}')
    text = "\n".join(str(each.span) for each in collector.received)
    assert "said" in text
    assert list(find_leaks(text)) == []
    assert "carbon" not in text


def test_what_was_not_yet_sent_is_sent_at_the_end(start: Start, collector: Collector) -> None:
    running = start(OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint, OTEL_BSP_SCHEDULE_DELAY="600000")
    before = len(collector.list_requests())
    for _ in range(10):
        assert running.ask(PRIYA)[0] == 200
    assert len(collector.list_requests()) == before
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(SECONDS) == 0
    assert len(collector.list_requests()) == before + 10


def test_a_collector_that_hangs_slows_nobody(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and says nothing
        running = start(
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{silent.getsockname()[1]}",
            OTEL_BSP_SCHEDULE_DELAY="20",
            OTEL_BSP_MAX_QUEUE_SIZE="16",
            OTEL_BSP_MAX_EXPORT_BATCH_SIZE="8",
            TICKITI_WORKERS="1",
        )
        seconds = []
        for _ in range(60):
            began = time.monotonic()
            assert running.ask(PRIYA)[0] == 200
            seconds.append(time.monotonic() - began)
        assert sorted(seconds)[30] < 3  # a collector may take longer
        began = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(SECONDS) == 0
        assert time.monotonic() - began < FLUSH_SECONDS + 15


def test_who_does_not_ask_for_traces_loads_nothing_of_them() -> None:
    program = (
        "import sys; from app import create_service; from config.settings import load_settings; import os;"
        "create_service(load_settings(os.environ));"
        "print([name for name in sys.modules if 'tracing' in name or 'exporter.otlp' in name])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=build_environment(TICKITI_REPLICA_URL="postgresql://nobody@127.0.0.1:1/x"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "[]\n"
