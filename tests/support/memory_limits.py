"""The memory of processes, and a limit for it as a container has one: a control group of Linux, of version 2 or 1."""

import contextlib
import os
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

MANIFEST = Path(__file__).parents[2] / "deploy/kubernetes/container/container.yaml"
MOUNTED = Path("/sys/fs/cgroup")
# Version 2, where the root delegates memory; version 1. The names of the limit, of the peak, of the events.
KINDS = (
    (MOUNTED, "memory.max", "memory.peak", "memory.events"),
    (MOUNTED / "memory", "memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control"),
)


@dataclass(frozen=True)
class MemoryLimit:
    """A control group. Processes that `wrap` starts are in it, and so are their children."""

    directory: Path
    peak_name: str
    events_name: str

    def wrap(self, command: Sequence[str]) -> list[str]:
        """Return a command that enters the group and becomes `command`."""
        return ["sh", "-c", f'echo $$ > {self.directory}/cgroup.procs && exec "$0" "$@"', *command]

    @property
    def peak_bytes(self) -> int:
        """The most bytes that the group had at once."""
        return int((self.directory / self.peak_name).read_text())

    @property
    def processes(self) -> list[int]:
        """The ids of the processes that are in the group."""
        return [int(line) for line in (self.directory / "cgroup.procs").read_text().split()]

    @property
    def kills(self) -> int:
        """The number of processes that the kernel has killed for want of memory."""
        lines = (self.directory / self.events_name).read_text().splitlines()
        return int(dict(line.split() for line in lines)["oom_kill"])


def read_manifest_limit() -> int:
    """Return the memory limit of the container in our manifest, in bytes."""
    found = re.search(r"limits:\n +cpu: .*\n +memory: (\d+)Mi", MANIFEST.read_text("utf-8"))
    assert found
    return int(found[1]) * 2**20


@contextlib.contextmanager
def limit_memory(limit_bytes: int) -> Iterator[MemoryLimit | None]:
    """Yield a group with a limit, or None where none may be made here. Its processes must have ended at the end."""
    made = next(filter(None, (make_group(kind, limit_bytes) for kind in KINDS)), None)
    try:
        yield made
    finally:
        if made is not None:
            remove(made.directory)


def make_group(kind: tuple[Path, str, str, str], limit_bytes: int) -> MemoryLimit | None:
    parent, limit_name, peak_name, events_name = kind
    directory = parent / f"tickiti-query-{uuid.uuid4().hex}"
    try:
        directory.mkdir()
    except OSError:
        return None
    try:
        (directory / limit_name).write_text(str(limit_bytes))
        (directory / peak_name).read_text()
    except OSError:
        remove(directory)
        return None
    return MemoryLimit(directory, peak_name, events_name)


def remove(directory: Path) -> None:
    """Remove a group, and what is left of its processes, by the kernel's own hand: the last of them is dying."""
    with contextlib.suppress(OSError):
        os.rmdir(directory)


def sum_memory(processes: Iterable[int]) -> int:
    """Bytes of processes; a page that several share counts once, and a process that has ended nothing."""
    total = 0
    for process in processes:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            rollup = Path(f"/proc/{process}/smaps_rollup").read_text("ascii")
            total += sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total * 1024
