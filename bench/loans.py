"""Time of a loan from the connection pool: `python -m bench.loans`. It needs no database."""

import argparse
import statistics
import sys
import timeit
from time import monotonic
from typing import Any
from unittest import mock

from tickiti_query.cache.snapshot import Server
from tickiti_query.replica import replica as replica_module
from tickiti_query.replica.connection import Target
from tickiti_query.replica.replica import Pool

CONNECTIONS = 10
SERVER = Server(generation=1, system=1, major=18)


class OpenConnection:
    """A connection that nothing is sent on."""

    closed = False
    ends_at = 0.0
    server = SERVER

    def identify(self, generation: int) -> bool:
        """Return that the server is a standby."""
        return generation > 0

    def close(self) -> None:
        """End nothing."""


def connect(_hosts: Any, _deadline: Any, examine: Any) -> OpenConnection:
    """Return an open connection, examined as a real one is."""
    connection = OpenConnection()
    examine(connection, {})
    return connection


def time_loans(loans: int, rounds: int) -> list[float]:
    """Return the microseconds of a loan in each round. A loan takes an open connection and gives it back."""
    ends_at = monotonic() + 3600
    target = Target("postgresql://replica.example/tickiti", "reporting", statement_timeout_ms=5000)
    with mock.patch.object(replica_module, "connect", connect):
        pool = Pool(target, CONNECTIONS, 1, lambda _pool: None, require_standby=True)

        def lend() -> None:
            with pool.connection(ends_at):
                pass

        lend()
        return [seconds / loans * 1e6 for seconds in timeit.repeat(lend, number=loans, repeat=rounds)]


def main() -> int:
    """Print the median and the least time of a loan."""
    parser = argparse.ArgumentParser(prog="python -m bench.loans", description="Time a loan from the connection pool.")
    parser.add_argument("--loans", type=int, default=50_000, help="in each round")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    times = time_loans(arguments.loans, arguments.rounds)
    print(f"a loan: {statistics.median(times):.1f} µs; {min(times):.1f} µs in the best of {len(times)} rounds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
