"""Processes as /proc shows them."""

from pathlib import Path


def is_alive(pid: int) -> bool:
    """Return False for a process that has ended, though nobody may have asked yet how (a zombie)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
