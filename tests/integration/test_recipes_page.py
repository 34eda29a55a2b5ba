"""The recipes of docs/recipes.md are run as they stand, or the request that they send is sent."""

import contextlib
import http.client
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from demo.loading import READER
from demo.pair import Pair
from tests.support.documents import read_document
from tests.support.running import SECONDS, Running, wait_until
from tests.support.shop import PATH, PRIYA

ADDRESS = "http://127.0.0.1:8080"
PAGE = read_document("docs/recipes.md")
APPS_SCRIPT = Path(__file__).parents[1] / "support" / "apps_script.js"


@pytest.fixture(scope="module")
def running(shop_pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(shop_pair.standby.url_for(READER), tmp_path_factory.mktemp("recipes") / "log")
    try:
        wait_until(running.is_up)
        yield running
    finally:
        running.end()


def list_texts(language: str) -> list[str]:
    return [block.text for block in PAGE.blocks if block.language == language]


def run(running: Running, *command: str, text: str) -> str:
    """The output of a program whose text comes from the page."""
    ran = subprocess.run(
        command,
        input=text.replace(ADDRESS, f"http://127.0.0.1:{running.port}"),
        capture_output=True,
        text=True,
        timeout=2 * SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@dataclass(frozen=True)
class Sent:
    """A request as the page shows it."""

    line: str
    headers: dict[str, str]
    body: str


def read_request(text: str) -> Sent:
    head, _, body = text.partition("\n\n")
    line, *headers = head.splitlines()
    return Sent(line, dict(header.split(": ", 1) for header in headers), body.strip())


REQUESTS = [read_request(text) for text in list_texts("http")]
POWER_QUERY, INFINITY, N8N = REQUESTS


def list_rows(running: Running, **body: Any) -> list[dict[str, Any]]:
    status, answer = running.ask(PRIYA, json.dumps(body))
    assert status == 200
    rows: list[dict[str, Any]] = answer["data"]
    return rows


@pytest.mark.parametrize("sent", REQUESTS, ids=("Power Query", "Grafana Infinity", "n8n"))
def test_the_request_of_a_recipe_is_answered_with_rows(running: Running, sent: Sent) -> None:
    method, path, version = sent.line.split()
    assert version == "HTTP/1.1"
    link = http.client.HTTPConnection("127.0.0.1", running.port, timeout=SECONDS)
    with contextlib.closing(link):
        link.request(method, path, sent.body, sent.headers)
        answer = link.getresponse()
        rows = json.loads(answer.read())["data"]
    assert answer.status == 200
    assert rows == list_rows(running, **json.loads(sent.body)) != []


def test_a_recipe_sends_the_request_that_is_shown_with_it() -> None:
    infinity, n8n = map(json.loads, list_texts("json"))
    options, node = infinity["url_options"], n8n["nodes"][0]["parameters"]
    assert (infinity["url"], options["method"]) == (node["url"], node["method"]) == (f"{ADDRESS}{PATH}", "POST")
    assert options["data"] == INFINITY.body
    assert json.loads(node["jsonBody"]) == json.loads(N8N.body)
    [query] = list_texts("powerquery")
    [address, path] = re.findall(r'Web\.Contents\("(.+)"|RelativePath = "(.+)"', query)
    assert f"{address[0]}/{path[1]}" == f"{ADDRESS}{PATH}"
    assert re.findall(r"row_limit = (\d+)", query) == [str(json.loads(POWER_QUERY.body)["row_limit"])]
    for sent in REQUESTS:
        assert sent.line == f"POST {PATH} HTTP/1.1"
        assert (sent.headers["Authorization"], sent.headers["Content-Type"]) == (
            f"Bearer {PRIYA}",
            "application/json",
        )


def test_pandas_counts_the_tickets(running: Running) -> None:
    [program] = list_texts("python")
    rows = list_rows(running, row_limit=5000)
    printed = run(running, sys.executable, "-", text=program)
    assert sum(int(line.split()[-1]) for line in printed.splitlines()[1:-1]) == len(rows) > 0


@pytest.mark.skipif(shutil.which("node") is None, reason="no node: the recipe for Google Apps Script was not run")
def test_apps_script_writes_the_tickets_into_the_sheet(running: Running) -> None:
    [program] = list_texts("js")
    rows = list_rows(running, row_limit=500)
    table = json.loads(
        run(running, "node", "-", text=f"{APPS_SCRIPT.read_text()}{program}run(writeTickets, '{PRIYA}');")
    )
    assert [len(line) for line in table] == [len(rows[0])] * (len(rows) + 1)
    assert table[0] == list(rows[0])
    assert [line[1] for line in table[1:]] == [str(row["number"]) for row in rows]


def test_every_recipe_is_run() -> None:
    counts = {language: len(list_texts(language)) for language in {block.language for block in PAGE.blocks}}
    assert counts == {"sh": 1, "python": 1, "js": 1, "powerquery": 1, "json": 2, "http": 3}
