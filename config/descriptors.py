"""The number of connections that a worker may have under its process's limit of open files."""

import resource

BESIDES = 96  # descriptors for the log, the event loop, the operations port, and connections that are refused
FEWEST = 16


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
