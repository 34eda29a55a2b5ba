"""The times of the measured lists at each number of tickets, and extrapolated to more: `python -m bench.growth`.

Nothing is measured here: it counts the medians of bench/results/shapes.csv, which `python -m bench.shapes --write`
writes. Beyond the largest number a shape that had grown since the one before is taken to go on in proportion to the
tickets, and the others to stay.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterable, Iterator, Mapping
from statistics import median

from bench.results_page import RESULTS

TIMES = ("ms_100k", "ms_1m", "ms_5m")
SIZES = {"100,000": 0.1, "1 million": 1.0, "5 million": 5.0}
LATER = {"10 million": 10.0, "100 million": 100.0}
GROWN = 1.5  # times the tickets before: less is the distance of pages, and chance
LIMITS_MS = (5, 100, 1000, 5000)
OVER = "> 10000"  # how the table writes that a statement ran out of time; it is not tried among more tickets


def main() -> int:
    """Print a row for each number of tickets."""
    argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__).parse_args()
    with (RESULTS / "shapes.csv").open(encoding="utf-8", newline="") as file:
        shapes = list(read_shapes(csv.DictReader(file)))
    print(f"| tickets | | median ms | {' | '.join(f'within {limit:,} ms' for limit in LIMITS_MS)} |")
    print("|---|---|---:|" + "---:|" * len(LIMITS_MS))
    for number, title in enumerate(SIZES):
        print_row(title, "measured", [times[number] for times in shapes])
    for title, millions in LATER.items():
        print_row(title, "extrapolated", [extrapolate(times, millions) for times in shapes])
    grown = sum(times[-1] > GROWN * times[-2] for times in shapes)
    print(f"\n{len(shapes)} shapes; {grown} grew more than {GROWN} times from 1 to 5 million tickets.")
    return 0


def read_shapes(rows: Iterable[Mapping[str, str]]) -> Iterator[list[float]]:
    """The milliseconds of each shape that has been measured at all sizes, or has run out of time on the way."""
    for row in rows:
        times = [row[column] for column in TIMES]
        if OVER in times:
            times[times.index(OVER) :] = [OVER] * (len(TIMES) - times.index(OVER))
        if all(times):
            yield [float(time.removeprefix("> ")) for time in times]


def extrapolate(times: list[float], millions: float) -> float:
    """Return the milliseconds that a shape would take among so many tickets."""
    *_, before, last = times
    return last * millions / max(SIZES.values()) if last > GROWN * before else last


def print_row(title: str, how: str, times: list[float]) -> None:
    """One row of the table."""
    shares = (sum(each <= limit for each in times) / len(times) for limit in LIMITS_MS)
    print(f"| {title} | {how} | {median(times):.2f} | {' | '.join(f'{share:.0%}' for share in shares)} |")


if __name__ == "__main__":
    sys.exit(main())
