"""The demo's data directory: one user at a time, and only our own things are ever removed from it."""

import contextlib
import fcntl
import shutil
from collections.abc import Iterator
from pathlib import Path

from demo.failure import DemoError

OURS = ("primary", "primary.new", "standby", "standby.new", "sockets")


@contextlib.contextmanager
def hold_directory(directory: Path, *, fresh: bool) -> Iterator[Path]:
    """Make the directory and keep others out of it; `fresh` empties it of a former demo."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = (directory / "lock").open("w")
    except OSError as error:
        raise DemoError(f"cannot use {directory}: {error.strerror}; choose another with --data") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DemoError(f"another demo uses {directory}: stop it, or choose another --data") from error
        if fresh:
            _remove_ours(directory)
        yield directory


def _remove_ours(directory: Path) -> None:
    for name in OURS:
        shutil.rmtree(directory / name, ignore_errors=True)
    for log in directory.glob("*.log"):
        log.unlink()
