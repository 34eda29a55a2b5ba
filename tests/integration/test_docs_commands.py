"""Every block of shell commands in the documents is run as it stands, in the place that it is written for.

A block with another language than `sh` is not run: `console` is for what needs a cluster, an engine for containers, or
somebody else's server.
"""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.loading import READER
from demo.pair import Pair
from tests.support.documents import DOCUMENTS, Block, Document, read_document
from tests.support.running import ROOT, SECONDS, Running, build_environment, wait_until
from tests.support.shop import PATH, PRIYA

# What another test runs: a document, or a block by what is in it.
ELSEWHERE = {
    "docs/install.md": "tests/integration/test_views.py, on the tables of a Laravel application",
    "./script/server": "tests/integration/test_two_commands.py",
    "./script/test\n": "this is it",
}
# What is not run, by a word of the block.
NOT_RUN = {
    "docker build --build-arg": "needs an engine for containers; tests/deploy/test_image.py does the image's steps",
    "docker run": "needs an engine for containers; tests/deploy/test_image.py does the image's steps",
    "DROP SCHEMA": "is half of an upgrade of Tickiti; tests/integration/test_views.py does all of it",
    "pip-audit": "asks PyPI for what is known today",
    "pip install --no-deps .": "asks PyPI; tests/integration/test_console_script.py installs and runs the command",
}
NEEDS = {
    "kubectl": shutil.which("kubectl", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}"),
    "| jq": shutil.which("jq"),
}
USUAL = {"server", "date", "connection", "content-length"}
MARK = "-- the end of a block --"


@dataclass(frozen=True)
class Environment:
    """A service that was started as the README says, and what the documents' addresses are there."""

    running: Running
    addresses: dict[str, str]

    def set_up(self, text: str) -> str:
        """Commands with this environment's addresses in the place of those that are written down."""
        for written, address in self.addresses.items():
            text = text.replace(written, address)
        return text


def list_addresses(pair: Pair) -> dict[str, str]:
    """Return the addresses of the documents, each with the address on the pair that stands for it."""
    url = pair.standby.url_for(READER)
    return {
        "postgresql://tickiti_query:secret@replica.example:5432/tickiti?sslmode=verify-full": url,
        "postgresql://tickiti_query@/postgres?host=$PWD/.demo/sockets&port=5433": url,
        "=replica-ca.crt": "=/etc/ssl/certs/ca-certificates.crt",
        ".venv/bin/": f"{Path(sys.executable).parent}/",
    }


(START,) = [block for block in read_document("README.md").blocks if "gunicorn" in block.text]


def list_blocks(document: Document) -> list[Block]:
    """Return the blocks of a document that are run while the service of START runs."""
    return [
        block
        for block in document.blocks
        if block.language == "sh"
        and block != START
        and document.name not in ELSEWHERE
        and not any(word in block.text for word in ELSEWHERE)
    ]


@pytest.fixture(scope="module")
def environment(shop_pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    addresses = list_addresses(shop_pair)
    script = START.text
    for written, address in addresses.items():
        script = script.replace(written, address)
    log = tmp_path_factory.mktemp("docs") / "log"
    running = Running("", log, command=["bash", "-euc", script], TICKITI_RATE_LIMIT="600/minute")
    ports = {"http://127.0.0.1:8080": running.port, "http://127.0.0.1:9090": running.admin_port}
    try:
        wait_until(running.is_up)
        yield Environment(running, addresses | {text: f"http://127.0.0.1:{port}" for text, port in ports.items()})
    finally:
        os.killpg(running.process.pid, signal.SIGTERM)
        running.process.wait(SECONDS)
        running.end()


RUN_HERE = [document for document in DOCUMENTS if list_blocks(document)]


@pytest.mark.parametrize("document", RUN_HERE, ids=lambda document: document.name)
def test_the_blocks_of_a_document_run_one_after_the_other(document: Document, environment: Environment) -> None:
    blocks = list_blocks(document)
    script = "".join(f"{block.text}echo {MARK!r}\n" for block in blocks)
    for program, path in NEEDS.items():
        if re.search(rf"^ *{re.escape(program)} ", script, re.MULTILINE) and path is None:
            pytest.skip(f"no {program}: {document.name} was not tried")
    # There must be something to tell.
    assert environment.running.ask(PRIYA, '{"perspective_id": 3}')[0] == 200
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", environment.set_up(script)],
        cwd=ROOT,
        env=build_environment(PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}"),
        capture_output=True,
        text=True,
        timeout=2 * SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    printed = ran.stdout.split(f"{MARK}\n")
    for block, output in zip(blocks, printed[:-1], strict=True):
        if document.name == "docs/explain.md" and block.shown:
            assert compare(block.shown, output)


def compare(shown: str, printed: str) -> bool:
    """Return whether the lines that are shown were printed; nothing after a `…` is compared."""
    expected = shown.partition("…")[0].rpartition("\n")[0]
    return bool(expected) and printed.startswith(expected)


def test_whatever_is_not_run_is_known_and_why() -> None:
    for document in DOCUMENTS:
        for block in document.blocks:
            if block.language == "console":
                assert any(word in block.text for word in NOT_RUN), block.text
            else:
                # tests/integration/test_recipes_page.py runs what the recipes add
                more = {"python", "js", "powerquery", "http"} if document.name == "docs/recipes.md" else set()
                assert block.language in {"", "sh", "sql", "yaml", "ini", "json", *more}
    texts = {document.name: "".join(block.text for block in document.blocks) for document in DOCUMENTS}
    for known in (*NOT_RUN, *ELSEWHERE):
        assert known in texts or any(known in text for text in texts.values()), known


def test_every_address_is_one_that_is_written_down(environment: Environment) -> None:
    text = "\n".join(block.text for document in DOCUMENTS for block in document.blocks)
    assert [written for written in environment.addresses if written not in text] == []


def test_every_header_of_an_answer_is_documented(environment: Environment) -> None:
    named = {name.lower() for name in re.findall(r"`([\w-]+)", read_document("docs/api.md").prose)}
    for method, token, body in (
        ("POST", PRIYA, "{}"),
        ("POST", "", "{}"),
        ("GET", PRIYA, ""),
        ("POST", PRIYA, "{"),
    ):
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        link = http.client.HTTPConnection("127.0.0.1", environment.running.port, timeout=SECONDS)
        with contextlib.closing(link):
            link.request(method, PATH, body, headers)
            sent = {name.lower() for name, _ in link.getresponse().getheaders()}
        assert len(sent) > len(USUAL)
        assert sent - named <= USUAL


def test_every_field_of_a_line_in_the_log_is_documented(environment: Environment) -> None:
    environment.running.ask("wrong")
    wait_until(lambda: '"unauthenticated"' in environment.running.read_log())
    # The first start of a fresh clone has a line of script/setup's before the service's.
    lines = [json.loads(line) for line in environment.running.read_log().splitlines() if line.startswith("{")]
    fields = {field for line in lines if line["logger"] == "tickiti_query.request" for field in line}
    assert "error" in fields
    assert fields <= set(read_document("docs/operate.md").quoted)
