"""Processes as /proc shows them."""

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
