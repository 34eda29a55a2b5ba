"""How many connections each worker has, in memory that all workers of one master share."""

import mmap

WORKERS = 256  # more than one master has at a time


class Loads:
    """Made in the master, before it forks. `age` is gunicorn's number of a worker, which no other of a master has."""

    def __init__(self) -> None:
        # Of each worker its connections and one; 0 where nobody is.
        self._taken = memoryview(mmap.mmap(-1, 4 * WORKERS)).cast("i")

    def note(self, age: int, connections: int) -> None:
        """A worker says how many connections it has."""
        self._taken[age % WORKERS] = connections + 1

    def forget(self, age: int) -> None:
        """The worker is gone."""
        self._taken[age % WORKERS] = 0

    def find_least(self) -> int:
        """How many connections the worker has that has fewest. 0 where there is no worker."""
        return min(filter(None, self._taken), default=1) - 1


LOADS = Loads()
