"""The trace of one request: facts written along its way, and read once for headers, log line and metrics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter

from tickiti_query.model.request import RateLimitStatus


@dataclass(slots=True)
class RequestTrace:
    """The facts of one request, filled in as they become known; None for what was never reached.

    `durations` are seconds by the names of Server-Timing: `auth`, `cache`, `sql`. `cache` is the word of the log line:
    `hit`, `miss`, `off`. `error` is the code of an answer that is one, `facts` what the log says beside it.
    `render_seconds` is the time that it took to make the body of rows that were read for this request.
    """

    user_id: int | None = None
    perspective_id: int | None = None
    rows: int | None = None
    cache: str | None = None
    rate_limit: RateLimitStatus | None = None
    error: str | None = None
    facts: Mapping[str, str] | None = None
    render_seconds: float | None = None
    durations: dict[str, float] = field(default_factory=dict)

    def measure(self, name: str) -> "Stopwatch":
        """Return a context that adds the duration of its block to `name`."""
        return Stopwatch(self, name)

    def add(self, name: str, seconds: float) -> None:
        """Add time that was spent on `name`."""
        self.durations[name] = self.durations.get(name, 0.0) + seconds


class Stopwatch:
    """Measures a block; a plain class, because a hit measures twice and a generator costs more than it tells."""

    __slots__ = ("_name", "_start", "_trace")

    def __init__(self, trace: RequestTrace, name: str) -> None:
        self._trace = trace
        self._name = name

    def __enter__(self) -> None:
        self._start = perf_counter()

    def __exit__(self, *raised: object) -> None:
        self._trace.add(self._name, perf_counter() - self._start)
