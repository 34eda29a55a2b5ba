"""Open files: how many connections a worker may have under the limit of its process."""

import resource

BESIDES = 96  # descriptors for the log, the event loop, the operations port, and connections that are refused
FEWEST = 16


def allow_connections(wanted: int, *, others: int) -> int:
    """Return how many connections fit under the hard limit of open files, and raise the soft limit to hold them.

    `others` is how many descriptors the process needs for connections of its own.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + others + BESIDES
    if hard != resource.RLIM_INFINITY:
        needed = min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    return max(FEWEST, min(wanted, needed - others - BESIDES))
