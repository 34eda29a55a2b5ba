"""`./script/server` where something is missing: one sentence each time, and Ctrl-C ends it at every moment."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.demo import Demo
from tests.support.processes import has_pending, is_alive, is_stopped, list_descendants
from tests.support.running import find_free_port, wait_until

SECONDS = 60.0
WAIT_SECONDS = 10.0  # for one that is frozen


def build_environment(**more: str) -> dict[str, str]:
    return {**{name: value for name, value in os.environ.items() if not name.startswith("TICKITI_")}, **more}


def run_server(tree: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["./script/server", *arguments],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
        env=build_environment(**environment),
        timeout=SECONDS,
    )


def copy_without_packages(tree: Path, target: Path) -> Path:
    """A clone in which nothing was installed yet."""
    return Path(shutil.copytree(tree, target, ignore=shutil.ignore_patterns(".venv", ".demo")))


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["--version"], ["--prot", "80"], ["--port", "x"]])
def test_what_starts_nothing_installs_nothing(tree: Path, tmp_path: Path, words: list[str]) -> None:
    clone = copy_without_packages(tree, tmp_path / "clone")
    before = sorted(clone.rglob("*"))
    ran = run_server(clone, *words)
    assert sorted(clone.rglob("*")) == before
    assert (ran.returncode, "usage: script/server" in ran.stderr) == ((2, True) if "--p" in words[0] else (0, False))


@pytest.fixture
def tiny(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A disk of so many MiB."""
    place = tmp_path / "tiny"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={request.param}m", "tmpfs", place], check=False)
    if mounted.returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.parametrize("tiny", [1, 20, 60, 80, 100], indirect=True)
def test_a_full_disk_is_one_sentence(tree: Path, tiny: Path) -> None:
    port, admin_port = find_free_port(), find_free_port()
    where = tiny / "data"
    ran = run_server(tree, "--port", str(port), "--admin-port", str(admin_port), "--data", str(where))
    assert ran.returncode == 1
    assert ran.stderr == (
        f"script/server: the disk of {where} is full: make room there, or choose another place with --data\n"
    )


@pytest.mark.parametrize("tiny", [8], indirect=True)
def test_a_full_disk_beneath_the_packages_is_one_sentence(tree: Path, tiny: Path) -> None:
    clone = copy_without_packages(tree, tiny / "clone")
    ran = run_server(clone)
    assert ran.returncode == 1
    assert re.fullmatch(rf"script/setup: cannot [^\n]*: the disk of {clone} is full\n", ran.stderr)


def test_no_network_is_one_sentence(tree: Path, tmp_path: Path) -> None:
    clone = copy_without_packages(tree, tmp_path / "clone")
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:1/simple"}
    away = {"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": "", "PIP_NO_CACHE_DIR": "1"}
    ran = run_server(clone, **nowhere, **away)
    assert ran.returncode == 1
    assert ran.stderr == (
        "script/setup: cannot install the packages of requirements.txt requirements/demo.txt: no package index can be"
        " reached: look at the network, or name an index in PIP_INDEX_URL\n"
    )


def test_half_an_environment_is_not_left_behind(tree: Path, tmp_path: Path) -> None:
    """The Python here makes the environment and does not end, so that Ctrl-C comes before it is whole."""
    clone = copy_without_packages(tree, tmp_path / "clone")
    log, python = tmp_path / "log", tmp_path / "python"
    python.write_text('#!/bin/sh\npython3 "$@" || exit\ncase "$*" in "-m venv "*) exec sleep 600 ;; esac\n', "utf-8")
    python.chmod(0o755)
    process = start(clone, log=log, PYTHON=str(python))
    try:
        wait_for_text(log, "Making a virtual environment", process)
        wait_until((clone / ".venv/bin").exists)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(SECONDS) == 130
    finally:
        end(process)
    assert not (clone / ".venv").exists()
    assert "Traceback" not in log.read_text("utf-8")


def test_an_ipv6_address_is_listened_on(tree: Path) -> None:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("no IPv6 here")
    demo = Demo(tree, "--host", "::1")
    try:
        assert f"http://[::1]:{demo.port}/docs" in demo.text
        curl = re.search(r"^curl .*$", demo.text, re.MULTILINE)
        assert curl
        ran = subprocess.run(["bash", "-c", curl[0]], capture_output=True, text=True, check=True)
        assert '"ok":true' in ran.stdout
    finally:
        demo.end()


def find_server(demo: Demo, name: str) -> int:
    """The process of a PostgreSQL server, by the directory that it has."""
    for pid in list_descendants(demo.process.pid):
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if b"-D" in words and words[words.index(b"-D") + 1].endswith(f"/{name}".encode()):
                return pid
    raise AssertionError(name)


@pytest.mark.parametrize("name", ["standby", "primary"])
def test_the_logs_are_named_and_a_server_that_died_is_one_sentence_with_its_log(tree: Path, name: str) -> None:
    demo = Demo(tree)
    try:
        logs = [Path(path) for path in re.findall(r"\S+\.log$", demo.text, re.MULTILINE)]
        assert [path.stem for path in logs] == ["service", "primary", "standby"]
        assert all(path.is_file() for path in logs)
        below = list_descendants(demo.process.pid)
        os.kill(find_server(demo, name), signal.SIGKILL)
        assert demo.process.wait(SECONDS) == 1
        last = demo.text.splitlines()[-1]
        assert re.fullmatch(rf"script/server: the {name} ended: see \S+/{name}\.log", last)
        assert "Traceback" not in demo.text
        wait_until(lambda: not any(map(is_alive, below)))
    finally:
        demo.end()


def start(tree: Path, *arguments: str, log: Path, **environment: str) -> subprocess.Popen[bytes]:
    port, admin_port = find_free_port(), find_free_port()
    with log.open("wb") as output:
        return subprocess.Popen(
            ["./script/server", "--port", str(port), "--admin-port", str(admin_port), *arguments],
            cwd=tree,
            stdout=output,
            stderr=output,
            env=build_environment(**environment),
            start_new_session=True,
        )


def wait_for_text(log: Path, text: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + SECONDS
    while text not in log.read_text("utf-8"):
        assert process.poll() is None, log.read_text("utf-8")
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_standby_that_dies_while_data_is_loaded_is_one_sentence(tree: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = start(tree, "--data", str(tmp_path / "data"), log=log)
    try:
        wait_for_text(log, "Loading the shop", process)
        pid = int((tmp_path / "data" / "standby" / "postmaster.pid").read_text().split()[0])
        postmaster = next(each for each in list_descendants(process.pid) if is_standby(each) or each == pid)
        os.kill(postmaster, signal.SIGKILL)
        assert process.wait(SECONDS) == 1
    finally:
        end(process)
    [line] = [line for line in log.read_text("utf-8").splitlines() if line.startswith("script/server: ")]
    assert str(tmp_path / "data" / "standby.log") in line
    assert log.read_text("utf-8").endswith(f"{line}\n")


def is_standby(pid: int) -> bool:
    try:
        return b"/standby\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(SECONDS)


@pytest.mark.parametrize("frozen", ["standby", "primary"])
def test_ctrl_c_ends_it_while_a_server_is_frozen(tree: Path, frozen: str) -> None:
    demo = Demo(tree)
    below = list_descendants(demo.process.pid)
    server = find_server(demo, frozen)
    os.kill(server, signal.SIGSTOP)
    wait_until(lambda: is_stopped(server))
    started = time.monotonic()
    assert demo.interrupt() == 0
    assert time.monotonic() - started < SECONDS
    wait_until(lambda: not any(map(is_alive, below)))


def test_a_second_ctrl_c_ends_it_at_once(tree: Path) -> None:
    demo = Demo(tree)
    below = list_descendants(demo.process.pid)
    for name in ("primary", "standby"):
        os.kill(find_server(demo, name), signal.SIGSTOP)
    services = [pid for pid in below if b"gunicorn" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    for pid in services:
        os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: all(map(is_stopped, services)))  # or one that still runs would take the signal first
    os.killpg(demo.process.pid, signal.SIGINT)
    wait_until(lambda: any(has_pending(pid, signal.SIGTERM) for pid in services))  # it stops, and waits for this one
    started = time.monotonic()
    os.killpg(demo.process.pid, signal.SIGINT)
    assert demo.process.wait(SECONDS) == 0
    assert time.monotonic() - started < WAIT_SECONDS  # it has not waited any longer
    assert "Traceback" not in demo.text
    wait_until(lambda: not any(map(is_alive, below)))


@pytest.mark.parametrize("seconds", [0.3, 0.8, 1.5, 2.5, 4.0])
def test_ctrl_c_ends_it_whenever_it_comes(tree: Path, tmp_path: Path, seconds: float) -> None:
    log = tmp_path / "log"
    process = start(tree, "--data", str(tmp_path / "data"), log=log)
    time.sleep(seconds)
    below = list_descendants(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(SECONDS)
    finally:
        end(process)
    assert "Traceback" not in log.read_text("utf-8")
    wait_until(lambda: not any(map(is_alive, below)))


def test_ctrl_c_ends_a_start_that_waits_for_a_frozen_server(tree: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = start(tree, "--data", str(tmp_path / "data"), log=log)
    try:
        wait_for_text(log, "Loading the shop", process)
        postmaster = int((tmp_path / "data" / "primary" / "postmaster.pid").read_text().split()[0])
        for pid in list_descendants(process.pid):
            with contextlib.suppress(OSError):
                if b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: is_stopped(postmaster))
        os.killpg(process.pid, signal.SIGINT)
        wait_until(lambda: process.poll() is not None or not is_stopped(postmaster))  # it is told to stop
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(SECONDS) == 0
    finally:
        end(process)
    assert log.read_text("utf-8").endswith("Stopped.\n")
