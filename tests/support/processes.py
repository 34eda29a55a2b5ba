"""Processes as /proc shows them."""

import shutil
import subprocess
from pathlib import Path


def is_alive(pid: int) -> bool:
    """Return False for a process that has ended, though nobody may have asked yet how (a zombie)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def list_children(pid: int) -> set[int]:
    """The ids of the processes that this one has started."""
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()))


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


def read_status(process: Path, name: str) -> str:
    """The first word that the system says of a process, or of a thread, under a name."""
    lines = (process / "status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith(f"{name}:"))


def is_stopped(pid: int) -> bool:
    """Tell if none of its threads runs any more, so that a signal finds no one."""
    return {read_status(thread, "State") for thread in Path(f"/proc/{pid}/task").iterdir()} == {"T"}


def has_pending(pid: int, signum: int) -> bool:
    """Tell if a signal waits for a process that is stopped."""
    return bool(int(read_status(Path(f"/proc/{pid}"), "ShdPnd"), 16) & (1 << (signum - 1)))


def may_unshare(*namespaces: str) -> bool:
    """Return True where a process may be started in namespaces of its own."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return False
    return subprocess.run([unshare, *namespaces, "true"], capture_output=True, check=False).returncode == 0
