"""The memory of a cached answer beside its bytes, and of a worker over many requests: `python -m bench.memory`.

Everything runs in this process, without a database: a stand-in for the replica gives the rows.
"""

from __future__ import annotations

import argparse
import sys

from bench.memory_entries import ENTRIES, print_costs
from bench.memory_worker import stay_flat


def main() -> int:
    """Read the command line, and measure both."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    add = parser.add_argument
    add("--requests", type=int, default=1_000_000, help="%(default)s; 0 leaves this part out")
    add("--questions", type=int, default=10_000, help="distinct ones among them (%(default)s)")
    add("--entries", type=int, default=ENTRIES, help="for the cost of one (%(default)s)")
    options = parser.parse_args()
    print_costs(options.entries)
    flat = not options.requests or stay_flat(options.requests, options.questions)
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main())
