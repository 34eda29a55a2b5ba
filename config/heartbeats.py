"""The directory of the workers' heartbeats: each worker touches a file of its own, and the master looks at its time."""

import os
import tempfile
from collections.abc import Iterable

from config.settings import SettingsError

IN_MEMORY = "/dev/shm"  # noqa: S108  a heartbeat is no secret


def list_directories() -> list[str]:
    """Return the directories for heartbeats, best first: in memory, then where temporary files are."""
    return list(dict.fromkeys([IN_MEMORY, os.environ.get("TMPDIR") or "/tmp", "/tmp", "/var/tmp"]))  # noqa: S108


def find_heartbeat_directory(directories: Iterable[str]) -> str:
    """Return the first directory in which a file can be made and touched. Raise SettingsError, which names them all."""
    faults = []
    for directory in directories:
        try:
            descriptor, name = tempfile.mkstemp(dir=directory)
            os.unlink(name)
            os.utime(descriptor)
            os.close(descriptor)
        except OSError as error:
            faults.append(f"{directory}: {error.strerror}")
        else:
            return directory
    raise SettingsError(
        "tickiti-query cannot start:\n"
        f"  no directory takes a file for the workers' heartbeats ({'; '.join(faults)}); make one of them writable, or"
        " name another one in TMPDIR"
    )
