"""`./script/server` as a newcomer runs it: in a tree of one's own, from nothing to an answer, and down again."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import is_alive
from tests.support.running import find_free_port

ROOT = Path(__file__).parents[2]
START_SECONDS = 100.0


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of a clone; the packages are those of the running Python, to be quick."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("the two commands are tested on the files that git knows, and this is no clone")
    target = tmp_path_factory.mktemp("clone")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    (target / ".venv").symlink_to(sys.prefix)
    return target


def list_descendants(pid: int) -> set[int]:
    """All processes below this one."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(words[1]), []).append(int(status.parent.name))
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found.update(below)
        waiting.extend(below)
    return found


class Demo:
    """A running ./script/server, from its first line to `Ctrl-C stops everything.`"""

    def __init__(self, tree: Path, *arguments: str) -> None:
        self.port, admin_port = find_free_port(), find_free_port()
        self.log = tree.parent / f"{tree.name}.{self.port}.log"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TICKITI_")}
        started = time.monotonic()
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                ["./script/server", "--port", str(self.port), "--admin-port", str(admin_port), *arguments],
                cwd=tree,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
            )
        while "Ctrl-C stops everything." not in self.text:
            assert self.process.poll() is None, self.text
            assert time.monotonic() - started < START_SECONDS, self.text
            time.sleep(0.02)
        self.seconds = time.monotonic() - started

    @property
    def text(self) -> str:
        return self.log.read_text("utf-8")

    def interrupt(self) -> int:
        """Ctrl-C, as a terminal sends it: to the whole foreground process group."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(30)

    def end(self) -> None:
        if self.process.poll() is None:
            self.interrupt()


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
    assert [pid for pid in below if is_alive(pid)] == []


def test_the_second_start_reuses_the_data_and_is_quick(demo: Demo) -> None:
    assert "Loading the shop" not in demo.text
    # Five seconds on a machine that has time for it; where others use it too, everything takes longer.
    crowd = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    assert demo.seconds < 5 * crowd


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
