"""The service as the first process of a container: SIGTERM ends it at any time, and it starts where it can write."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.machine import find_heartbeat_directory
from config.settings import SettingsError
from tests.support.processes import may_unshare
from tests.support.running import COMMAND, ROOT, SECONDS, Running, build_environment, find_free_port, wait_until

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"
TINI = shutil.which("tini")
DELAYS_MS = (0, 50, 100, 200, 300)
END_SECONDS = 18.0  # shorter than the time that a graceful stop may take: nothing is under way
needs_processes = pytest.mark.skipif(
    not may_unshare("--pid", "--fork", "--mount-proc"), reason="no process namespace may be made here"
)
needs_mounts = pytest.mark.skipif(not may_unshare("--mount"), reason="no mount namespace may be made here")


@contextlib.contextmanager
def start_first(command: list[str], log: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start a command as the first process of a namespace: unshare's process, and the command's id seen from here."""
    settings = {f"TICKITI_{name}": f"127.0.0.1:{find_free_port()}" for name in ("BIND", "ADMIN_BIND")}
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", *command],
            cwd=ROOT,
            stdout=output,
            stderr=output,
            env=build_environment(TICKITI_REPLICA_URL=NOWHERE, **settings),
        )
    try:
        yield process, find_first(process.pid, command[0])
    finally:
        process.kill()
        process.wait()


def find_first(unshare: int, program: str) -> int:
    """Return the process id of unshare's child, once it is the program."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:  # without a pause: the delays count from here
        with contextlib.suppress(FileNotFoundError):
            for word in Path(f"/proc/{unshare}/task/{unshare}/children").read_text().split():
                if program.encode() in Path(f"/proc/{word}/cmdline").read_bytes().split(b"\0")[:2]:
                    return int(word)
    raise AssertionError(program)


def measure_end(process: subprocess.Popen[bytes], pid: int, delay_seconds: float) -> float:
    """Send SIGTERM after the delay, once, and return how long the end took."""
    time.sleep(delay_seconds)
    began = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    process.wait(END_SECONDS)
    return time.monotonic() - began


@needs_processes
@pytest.mark.skipif(TINI is None, reason="tini is not installed (Debian: tini)")
@pytest.mark.parametrize("delay_ms", DELAYS_MS)
def test_behind_an_init_sigterm_ends_a_start_at_any_time(tmp_path: Path, delay_ms: int) -> None:
    with start_first([str(TINI), "--", *COMMAND], tmp_path / "log") as (process, pid):
        wait_until(lambda: has_signal(pid, "SigIgn", signal.SIGTTIN))  # the last that tini sets up of its own
        measure_end(process, pid, delay_ms / 1000)


@needs_processes
def test_without_an_init_sigterm_ends_a_start_from_the_first_line_of_the_configuration(tmp_path: Path) -> None:
    assert any(end_before_gunicorn_starts(tmp_path / f"log{attempt}") for attempt in range(10))


def end_before_gunicorn_starts(log: Path) -> bool:
    """End a start by SIGTERM; False where gunicorn's own handler was there already, as on a slow machine."""
    with start_first([sys.executable, *COMMAND], log) as (process, pid):
        while not has_signal(pid, "SigCgt", signal.SIGTERM):  # without a pause: the moment is short
            assert process.poll() is None
        measure_end(process, pid, 0)
    return "Starting gunicorn" not in log.read_text()


def has_signal(pid: int, kind: str, number: int) -> bool:
    """Tell whether a signal is in a mask of the process: SigCgt has a handler, SigIgn is ignored."""
    mask = re.search(rf"^{kind}:\s*(\w+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return mask is not None and bool(int(mask[1], 16) >> (number - 1) & 1)


@needs_processes
def test_after_a_reload_the_first_process_still_drains(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with start_first([sys.executable, *COMMAND], log) as (process, pid):
        wait_until(lambda: "not ready" in log.read_text())
        os.kill(pid, signal.SIGHUP)
        wait_until(lambda: log.read_text().count("not ready") >= 2)
        measure_end(process, pid, 0)
    assert "Shutting down: Master" in log.read_text()


def in_mounts(*commands: str) -> list[str]:
    """Return a command that starts the service where these mounts were made."""
    return ["unshare", "--mount", "sh", "-ec", "; ".join([*commands, 'exec "$0" "$@"']), *COMMAND]


READ_ONLY = "mount -t tmpfs -o ro tmpfs {}"
WITHOUT_INODES = "mount -t tmpfs -o nr_inodes=1 tmpfs {}"
FULL = "mount -t tmpfs -o size=4k tmpfs {0}; head -c 4096 /dev/zero > {0}/full"


@needs_mounts
@pytest.mark.parametrize("state", [READ_ONLY, WITHOUT_INODES, FULL])
def test_a_memory_directory_that_takes_no_file_is_replaced_by_the_temporary_one(tmp_path: Path, state: str) -> None:
    running = Running(NOWHERE, tmp_path / "log", command=in_mounts(state.format("/dev/shm")))
    try:
        wait_until(lambda: running.can_get("/livez"))
    finally:
        running.process.terminate()
        assert running.process.wait(SECONDS) == 0
        running.end()


@needs_mounts
@pytest.mark.parametrize("state", [READ_ONLY, WITHOUT_INODES])
def test_where_no_directory_takes_a_file_the_start_ends_with_one_sentence(tmp_path: Path, state: str) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    places = ("/dev/shm", "/var/tmp", str(temporary))
    # /tmp may hold this checkout: a mount of itself, read-only, keeps it readable.
    mounts = [*map(state.format, places), "mount --bind /tmp /tmp", "mount -o remount,bind,ro /tmp"]
    # A directory that is within the one that is mounted upon itself is found by its own mount again.
    mounts.append(state.format(temporary))
    log = tmp_path.parent / f"{tmp_path.name}.log"
    running = Running(NOWHERE, log, command=in_mounts(*mounts), TMPDIR=str(temporary))
    try:
        assert running.process.wait(SECONDS) == 1
    finally:
        running.end()
    first, second = running.read_log().splitlines()
    assert first == "tickiti-query cannot start:"
    for place in (*places, "/tmp"):
        assert f"{place}: " in second


def test_the_first_directory_that_takes_a_file_is_chosen(tmp_path: Path) -> None:
    assert find_heartbeat_directory([str(tmp_path / "none"), str(tmp_path), "/"]) == str(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SettingsError, match="none: No such file or directory"):
        find_heartbeat_directory([str(tmp_path / "none")])
