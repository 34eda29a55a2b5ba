"""The cost totals of perspectives: quantiles as Prometheus estimates them, pages added up, a table."""

import re
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from tickiti_query.cli import costs, main
from tickiti_query.cli.costs import CostTotals, add_page
from tickiti_query.model.request import RequestTrace
from tickiti_query.operations import metrics
from tickiti_query.operations.health import Readiness, make_admin_app

INFINITE = float("inf")


def write_page(perspective: str, hits: int, misses: int, late: int = 0) -> str:
    """A page on which `late` of the requests took longer than 10 ms, and the others less than 5."""
    calls = hits + misses
    counts = {"0.005": calls - late, "0.01": calls - late, "0.1": calls, "+Inf": calls}
    buckets = "".join(
        f'tickiti_query_request_seconds_bucket{{perspective="{perspective}",le="{bound}"}} {count}\n'
        for bound, count in counts.items()
    )
    requests = "".join(
        f'tickiti_query_requests_total{{status="200",error="",cache="{cache}",perspective="{perspective}"}} {count}\n'
        for cache, count in (("hit", hits), ("miss", misses))
    )
    return (
        f"{requests}# TYPE tickiti_query_request_seconds histogram\n{buckets}"
        f'tickiti_query_rows_returned_total{{perspective="{perspective}"}} {100 * calls}\n'
        f'tickiti_query_rows_read_total{{perspective="{perspective}"}} {100 * misses}\n'
        f'tickiti_query_sql_seconds_total{{perspective="{perspective}"}} {misses / 10}\n'
    )


@contextmanager
def serve(render: Callable[[], str]) -> Iterator[str]:
    """The address of an operations port with this page."""
    ready = Readiness(lambda: None, lambda _work: ([], [], []), lambda _checks: None)
    app = make_admin_app(ready, lambda: render().encode())
    server = make_server("127.0.0.1", 0, app)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("share", "seconds"), [(0.5, 0.005), (0.25, 0.0025), (0.75, 0.0075), (0.95, 0.01), (1.0, 0.01)]
)
def test_a_quantile_lies_between_the_bounds(share: float, seconds: float) -> None:
    cost = CostTotals(buckets=defaultdict(float, {0.005: 50, 0.01: 100, INFINITE: 100}))
    assert cost.find_quantile(share) == pytest.approx(min(seconds, 0.01), rel=0.06)


def test_beyond_the_last_bound_nothing_is_known() -> None:
    assert CostTotals(buckets=defaultdict(float, {0.005: 10, INFINITE: 100})).find_quantile(0.5) == 0.005
    assert CostTotals().find_quantile(0.5) is None
    assert CostTotals().hit_ratio is None


def test_pages_of_several_pods_are_added_up() -> None:
    totals: dict[str, CostTotals] = {}
    add_page(totals, write_page("3", hits=90, misses=10, late=10))
    add_page(totals, write_page("3", hits=95, misses=5))
    cost = totals["3"]
    assert (cost.calls, cost.hits, cost.hit_ratio) == (200, 185, 185 / 200)
    assert (cost.rows_returned, cost.rows_read, cost.sql_seconds) == (20_000, 1_500, 1.5)
    assert cost.buckets == {0.005: 190, 0.01: 190, 0.1: 200, INFINITE: 200}


def test_what_costs_the_replica_most_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    first = write_page("3", hits=1000, misses=1) + write_page("none", hits=0, misses=0)
    second = write_page("7", hits=5, misses=15, late=10)
    with serve(lambda: first) as one, serve(lambda: second) as two:
        assert main(["costs", one, f"{two}/metrics"]) == 0
    heading, *rows = capsys.readouterr().out.splitlines()
    assert re.split(r" {2,}", heading) == list(costs.HEADINGS)
    assert [row.split() for row in rows] == [
        ["7", "20", "25%", "5.0", "91", "2,000", "1,500", "1.50"],
        ["3", "1,001", "100%", "2.5", "4.8", "100,100", "100", "0.10"],
    ]


def test_what_some_seconds_cost_is_the_difference(capsys: pytest.CaptureFixture[str]) -> None:
    pages = iter((write_page("3", hits=100, misses=50), write_page("3", hits=130, misses=60)))
    with serve(lambda: next(pages)) as url:
        assert main(["costs", url, "--over", "0.01"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:3] == ["3", "40", "75%"]


def test_the_services_own_page_is_understood(capsys: pytest.CaptureFixture[str]) -> None:
    trace = RequestTrace(
        perspective_id=31_337,
        rows=40,
        cache="miss",
        stages=[("cache", 0.0), ("auth", 0.001), ("sql", 0.002), ("render", 0.502), (None, 0.503)],
    )
    metrics.observe_request(200, 0.6, trace)
    name = metrics.name_perspective(200, trace)
    with serve(lambda: metrics.render_metrics().decode()) as url:
        assert main(["costs", url]) == 0
    rows = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines()}
    assert float(rows[name][-1].replace(",", "")) >= 0.5
    assert int(rows[name][-2].replace(",", "")) >= 40
    assert len(rows[name]) == len(costs.HEADINGS)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "file:///etc/passwd", "127.0.0.1:9090"])
def test_an_address_without_metrics_is_a_sentence(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["costs", url]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert url in told.err
    assert "Traceback" not in told.err


@pytest.mark.parametrize("over", ["-1", "0", "nan", "inf", "-inf", "1e300", "a minute", ""])
def test_a_time_that_cannot_be_waited_for_is_a_sentence(over: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["costs", "http://127.0.0.1:1", f"--over={over}"])
    assert ended.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.endswith("argument --over: must be a number of seconds above 0, and 86,400 at most\n")


def test_a_negative_time_is_no_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["costs", "http://127.0.0.1:1", "--over", "-1"])
    assert "argument --over: must be a number" in capsys.readouterr().err


def test_ctrl_c_ends_it_without_a_word() -> None:
    asked = threading.Event()

    def render() -> str:
        asked.set()
        return write_page("3", hits=1, misses=1)

    with serve(render) as url:
        words = [sys.executable, "-m", "tickiti_query", "costs", url, "--over", "600"]
        with subprocess.Popen(words, cwd=Path(__file__).parents[3], stderr=subprocess.PIPE, text=True) as process:
            assert asked.wait(60)
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (-signal.SIGINT, "")
