"""The cost of the rate limit for a hit, in this process: `python -m bench.rate_limit`."""

from __future__ import annotations

import argparse
import sys
import timeit
from collections.abc import Callable

from gevent import monkey

TIMES, ROUNDS = 20_000, 7
RATE = "1000000000/hour"  # a window that does not end, and that nobody uses up


def main() -> int:
    """Print microseconds of a check."""
    argparse.ArgumentParser(prog="python -m bench.rate_limit", description=__doc__).parse_args()
    monkey.patch_all()  # as in the service: gevent's locks
    # Imported after that, as gevent asks for.
    from tickiti_query.admission.rate_limit import FixedWindowStorage, RateLimiter  # noqa: PLC0415

    limiter = RateLimiter(RATE, FixedWindowStorage())
    token = "1" * 64
    limiter.remember_valid_token(token)

    def check() -> None:
        limiter.check(token, "203.0.113.9")

    def check_unknown() -> None:
        limiter.check("unknown", "203.0.113.9")

    for name, work in (
        ("a known token", check),
        ("an unknown token", check_unknown),
    ):
        print(f"{name}: {measure(work) * 1e6:.1f} µs")
    return 0


def measure(work: Callable[[], None]) -> float:
    """Seconds of one call, the best of some rounds."""
    return min(timeit.repeat(work, number=TIMES, repeat=ROUNDS)) / TIMES


if __name__ == "__main__":
    sys.exit(main())
