"""The demo's data directory: one user at a time, only our own things are ever removed, and its disk may be full."""

import contextlib
import fcntl
import shutil
from collections.abc import Iterator
from pathlib import Path

from demo.binaries import DemoError

OURS = ("primary", "primary.new", "standby", "standby.new", "sockets")
FULL = ("No space left on device", "Disk quota exceeded")
SEGMENT_BYTES = 16 * 1024 * 1024  # PostgreSQL writes its log in files of this size


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
            for name in OURS:
                shutil.rmtree(directory / name, ignore_errors=True)
            for log in directory.glob("*.log"):
                log.unlink()
        yield directory


def is_full(directory: Path, error: Exception) -> bool:
    """Return true where the failure, or the room that is left, says that the disk of a directory is full."""
    if any(words in str(error) for words in FULL):
        return True
    there = next(place for place in (directory, *directory.resolve().parents) if place.is_dir())
    return shutil.disk_usage(there).free < SEGMENT_BYTES
