"""The machine's part in gunicorn's settings: free addresses, open files, a directory for heartbeats."""

import os
import resource
import socket
import tempfile
from collections.abc import Iterable

from config.settings import SettingsError, split_address

BESIDES = 96  # descriptors for the log, the event loop, the operations port, and connections that are refused
FEWEST = 16


def find_bind_fault(address: str) -> str | None:
    """Return why nobody can listen on `host:port`, in the system's words; None where one can."""
    host, port = split_address(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as fault:
            return fault.strerror or str(fault)
    return None


def allow_connections(wanted: int, *, others: int) -> int:
    """Return the number of connections that fit under the hard limit of open files, and raise the soft limit for them.

    `others` is the number of descriptors that the process needs for connections of its own.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + others + BESIDES
    if hard != resource.RLIM_INFINITY:
        needed = min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    return max(FEWEST, min(wanted, needed - others - BESIDES))


def find_heartbeat_directory(directories: Iterable[str]) -> str:
    """Return the first directory in which a file can be made and touched. Raise SettingsError, which names them all."""
    faults = []
    for directory in dict.fromkeys(directories):
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
