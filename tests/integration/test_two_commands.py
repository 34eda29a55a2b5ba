"""`./script/server` as a newcomer runs it: in a tree of one's own, from nothing to an answer, and down again."""

import json
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.demo import Demo
from tests.support.processes import is_alive, list_descendants
from tests.support.running import wait_until


@pytest.fixture
def demo(tree: Path) -> Iterator[Demo]:
    running = Demo(tree)
    yield running
    running.end()


def test_the_printed_lines_work_as_they_stand_and_ctrl_c_stops_everything(demo: Demo) -> None:
    lines = re.findall(r"^curl .*$", demo.text, re.MULTILINE)
    answers = []
    for line in lines:
        ran = subprocess.run(
            ["bash", "-c", f"{line} -w '\\n%{{http_code}}'"], capture_output=True, text=True, check=True
        )
        body, _, status = ran.stdout.rpartition("\n")
        answers.append((int(status), json.loads(body)))
    assert [status for status, _ in answers] == [200, 200, 200, 403]
    assert [body["ok"] for _, body in answers] == [True, True, True, False]
    assert [body["data"][0]["number"] for _, body in answers[:2]] == [220009, 220009]
    assert all(body["data"] for _, body in answers[:3])
    assert "Loading the shop" in demo.text
    assert f"http://127.0.0.1:{demo.port}/docs" in demo.text

    below = list_descendants(demo.process.pid)
    assert len(below) > 5
    assert demo.interrupt() == 0
    assert demo.text.endswith("Stopped.\n")
    wait_until(lambda: not any(map(is_alive, below)))


def test_the_second_start_reuses_the_data_and_is_quick(tree: Path) -> None:
    first = Demo(tree, "--fresh")
    first.end()
    second = Demo(tree)
    second.end()
    assert "Loading the shop" in first.text
    assert "Loading the shop" not in second.text
    assert second.seconds < max(5, first.seconds)


def test_help_names_the_options(tree: Path) -> None:
    ran = subprocess.run(["./script/server", "--help"], cwd=tree, capture_output=True, text=True, check=True)
    for option in ("--port", "--admin-port", "--data", "--fresh", "--host"):
        assert option in ran.stdout


def test_a_port_that_is_taken_is_named(tree: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = subprocess.run(
            ["./script/server", "--port", str(port), "--data", str(tmp_path / "x")],
            cwd=tree,
            capture_output=True,
            text=True,
            check=False,
        )
    assert ran.returncode == 1
    assert f"port {port}" in ran.stderr
    assert "--port" in ran.stderr
    assert "Traceback" not in ran.stderr
