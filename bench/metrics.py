"""The cost of metrics for a hit, and of a page of them, in this process: `python -m bench.metrics`."""

from __future__ import annotations

import argparse
import sys
import timeit
from collections.abc import Callable

from tickiti_query.model.request import RequestTrace
from tickiti_query.operations import metrics

TIMES, ROUNDS = 20_000, 7
PERSPECTIVES = 60  # more than are named


def main() -> int:
    """Print microseconds of a hit and of a miss, and the size and milliseconds of a page."""
    argparse.ArgumentParser(prog="python -m bench.metrics", description=__doc__).parse_args()
    stages = [("cache", 0.0), ("auth", 2e-4), (None, 2.03e-4)]
    hit = RequestTrace(user_id=1, perspective_id=3, rows=100, cache="hit", stages=stages)
    miss = RequestTrace(
        user_id=1,
        perspective_id=3,
        rows=100,
        cache="miss",
        stages=[("cache", 0.0), ("auth", 2e-4), ("sql", 6e-4), ("render", 3.6e-3), (None, 3.8e-3)],
    )

    def count_hit() -> None:
        metrics.observe_request(200, 4e-4, hit)

    def count_miss() -> None:
        metrics.observe_request(200, 4e-3, miss)

    for name, work in (("hit", count_hit), ("miss", count_miss)):
        print(f"counting a {name}: {measure(work) * 1e6:.1f} µs")
    for number in range(PERSPECTIVES):
        for trace in (hit, miss):
            trace.perspective_id = number
            metrics.observe_request(200, 4e-3, trace)
    page = metrics.render_metrics()
    seconds = min(timeit.repeat(metrics.render_metrics, number=1, repeat=ROUNDS))
    size = f"{len(page) / 1000:.0f} kB in {seconds * 1000:.0f} ms"
    print(f"a page of one worker and {PERSPECTIVES} perspectives: {size}")
    return 0


def measure(work: Callable[[], None]) -> float:
    """Seconds of one call, the best of some rounds."""
    return min(timeit.repeat(work, number=TIMES, repeat=ROUNDS)) / TIMES


if __name__ == "__main__":
    sys.exit(main())
