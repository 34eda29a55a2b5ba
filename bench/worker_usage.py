"""Resident memory and open files of a worker, as the kernel counts them."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from bench.rivals.targets import LoadError, Target

REST_SECONDS, STEP_SECONDS, STEPS = 10.0, 0.25, 4
KIB = 2**10


@dataclass(frozen=True)
class Usage:
    """Resident bytes and open files of a process."""

    memory: int
    files: int


def find_worker(target: Target) -> int:
    """The process id of the only worker; LoadError where there is none, or another one."""
    children = Path(f"/proc/{target.pid}/task/{target.pid}/children").read_text("ascii").split()
    if len(children) != 1:
        raise LoadError(f"{target.title}: gunicorn has {len(children)} processes, not one")
    return int(children[0])


def read_usage(process: int) -> Usage:
    """The kernel's word on a process; LoadError where it has ended."""
    place = Path(f"/proc/{process}")
    try:
        rollup = (place / "smaps_rollup").read_text("ascii")
        files = len(os.listdir(place / "fd"))
    except OSError as fault:
        raise LoadError(f"the worker has ended: {fault}") from fault
    [resident] = [int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Rss:")]
    return Usage(resident * KIB, files)


def read_at_rest(process: int) -> Usage:
    """The same once it has had as many files open for a second; what there is when the time for that is up."""
    deadline, unchanged = time.monotonic() + REST_SECONDS, 0
    usage = read_usage(process)
    while unchanged < STEPS and time.monotonic() < deadline:
        time.sleep(STEP_SECONDS)
        now = read_usage(process)
        unchanged = unchanged + 1 if now.files == usage.files else 0
        usage = now
    return usage
