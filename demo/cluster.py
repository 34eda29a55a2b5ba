"""The files of a pair: two data directories and a place for the sockets."""

import hashlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

from demo import binaries
from demo.postgres import ServerError

INITDB_OPTIONS = (  # C.UTF-8: with plain C the database's lower() would know ASCII alone
    "--username=postgres",
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    "--no-sync",
    "--no-instructions",
)
INITDB_SECONDS = 120.0
COPY_SECONDS = 300.0
LONGEST_SOCKET_DIRECTORY = 80  # a unix socket's whole path ends at 107 bytes


def make_primary_data(directory: Path) -> Path:
    """Make the primary's directory by initdb, and return it. It has its final name only once it is whole."""
    data = directory / "primary"
    if data.is_dir():
        return data
    fresh = directory / "primary.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    binaries.hand_over(fresh)
    _run_initdb(fresh)
    return fresh.rename(data)


def make_standby_data(directory: Path) -> Path:
    """Copy the primary's directory while nothing runs, and return the copy: no base backup is needed."""
    data = directory / "standby"
    if (data / "standby.signal").exists():
        return data
    fresh = directory / "standby.new"
    for leftover in (data, fresh):
        shutil.rmtree(leftover, ignore_errors=True)
    _copy(directory / "primary", fresh)
    (fresh / "postmaster.pid").unlink(missing_ok=True)
    (fresh / "standby.signal").touch()
    binaries.hand_over(fresh)
    return fresh.rename(data)


def make_socket_directory(directory: Path) -> Path:
    """Make the sockets' directory, and return it: below the pair's if that is short enough, else one in /tmp."""
    sockets = directory / "sockets"
    if len(os.fsencode(sockets)) > LONGEST_SOCKET_DIRECTORY:
        digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:12]
        sockets = Path(f"/tmp/tickiti-{os.geteuid()}-{digest}")  # noqa: S108 - made ours, or refused, below
    sockets.mkdir(mode=0o700, exist_ok=True)
    account = binaries.find_account()
    owners = {os.geteuid()} | ({account.pw_uid} if account else set())
    if sockets.lstat().st_uid not in owners:
        raise ServerError(f"{sockets} belongs to somebody else")
    binaries.hand_over(sockets)
    return sockets


def _copy(source: Path, target: Path) -> None:
    try:
        ran = subprocess.run(
            ["cp", "-a", str(source), str(target)], capture_output=True, text=True, check=False, timeout=COPY_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise ServerError(f"{source} was not copied within {COPY_SECONDS:g} s") from error
    if ran.returncode:
        raise ServerError(f"{source} could not be copied: {ran.stderr}")


def _run_initdb(data: Path) -> None:
    """Run it in a process group of its own: interrupted, its children must not write on behind our back."""
    program = str(binaries.find_bindir() / "initdb")
    process = subprocess.Popen(
        [*binaries.build_prefix(), program, *INITDB_OPTIONS, "-D", str(data)],
        cwd="/",
        env=binaries.build_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    )
    try:
        output, _ = process.communicate(timeout=INITDB_SECONDS)
    except BaseException as error:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise ServerError(f"initdb did not end within {INITDB_SECONDS:g} s in {data}") from error
        raise
    if process.returncode:
        reasons = [line for line in output.splitlines() if "error:" in line or "FATAL:" in line]
        raise ServerError(f"initdb failed in {data}: {' '.join(reasons[:1])}\n{output}")
