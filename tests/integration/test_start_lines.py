"""The log's first lines: what starts, and which variables are misspelt; and one text for the version everywhere."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator

import pytest

from tests.support.metrics_page import Page
from tests.support.running import ROOT, SECONDS, Running, wait_until
from tickiti_query import VERSION
from tickiti_query.reporting.contract import CONTRACT_VERSION

COMMIT = "c0ffee" * 6 + "c0ff"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The service without a replica, with a commit, a misspelt variable, and one that Kubernetes injects."""
    log = tmp_path_factory.mktemp("start") / "log"
    others = {"SOURCE_COMMIT": COMMIT, "TICKITI_TREADS": "hunter2", "TICKITI_PORT": "tcp://10.0.0.7:80"}
    started = Running("postgresql://nobody@127.0.0.1:1/nothing", log, **others)
    try:
        wait_until(lambda: is_alive(started))
        yield started
    finally:
        started.end()


def is_alive(running: Running) -> bool:
    try:
        return running.get("/livez", port=running.admin_port)[0] == 200
    except OSError:
        return False


def test_the_first_line_says_what_starts(running: Running) -> None:
    first = json.loads(running.read_log().splitlines()[0])
    assert {name: first[name] for name in ("message", "version", "commit", "contract_version")} == {
        "message": "tickiti-query starts",
        "version": VERSION,
        "commit": COMMIT,
        "contract_version": CONTRACT_VERSION,
    }


def test_a_misspelt_variable_is_a_warning_and_the_service_starts(running: Running) -> None:
    lines = [json.loads(line) for line in running.read_log().splitlines()]
    warned = [line["message"] for line in lines if "is no setting" in line["message"]]
    assert warned == ["TICKITI_TREADS is no setting, and is ignored: did you mean TICKITI_THREADS?"]
    assert {line["level"] for line in lines if line["message"] in warned} == {"warning"}
    assert "hunter2" not in running.read_log()


def ask_version(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def test_one_version_is_said_everywhere(running: Running) -> None:
    assert ask_version(sys.executable, "-m", "tickiti_query", "--version") == VERSION
    assert running.get("/openapi.json")[1]["info"]["version"] == VERSION
    with urllib.request.urlopen(f"http://127.0.0.1:{running.admin_port}/metrics", timeout=SECONDS) as response:
        page = Page(response.read().decode())
    labels = {"version": VERSION, "commit": COMMIT, "contract_version": str(CONTRACT_VERSION)}
    assert list(page.list_values("build_info", **labels)) == [1]
