"""What happened to one request: written along its way, read once for its headers, its log line and metrics."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class RequestTrace:
    """Filled in as the facts become known; what stays None was never reached.

    `durations` are seconds by the names that Server-Timing tells: `auth`, `cache`, `sql`. `cache` is the word of
    the log line: `hit`, `miss`, `off`.
    """

    user_id: int | None = None
    perspective_id: int | None = None
    rows: int | None = None
    cache: str | None = None
    durations: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Add the time that the block takes to `name`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.durations[name] = self.durations.get(name, 0.0) + time.perf_counter() - start
