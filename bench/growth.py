"""What the lists of bench/README.md take at each number of tickets, and would take at more: `python -m bench.growth`.

Nothing is measured here: it counts the medians that `python -m bench.shapes --write` has written down. Beyond the
largest number a shape that had grown since the one before is taken to go on in proportion to the tickets, and the
others to stay.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

REPORT = Path(__file__).with_name("README.md")
SIZES = {"100,000": 0.1, "1 million": 1.0, "5 million": 5.0}
LATER = {"10 million": 10.0, "100 million": 100.0}
GROWN = 1.5  # times the tickets before: less is the distance of pages, and chance
LIMITS_MS = (5, 100, 1000, 5000)
OVER = "> 10,000"  # how the report writes that a statement ran out of time; it is not tried among more tickets
MILLISECONDS = re.compile(r"(> )?[\d,.]+")


def main() -> int:
    """Print a row for each number of tickets."""
    shapes = list(read_shapes(REPORT.read_text("utf-8")))
    print(f"| tickets | | median ms | {' | '.join(f'within {limit:,} ms' for limit in LIMITS_MS)} |")
    print("|---|---|---:|" + "---:|" * len(LIMITS_MS))
    for number, title in enumerate(SIZES):
        print_row(title, "measured", [times[number] for times in shapes])
    for title, millions in LATER.items():
        print_row(title, "extrapolated", [extrapolate(times, millions) for times in shapes])
    grown = sum(times[-1] > GROWN * times[-2] for times in shapes)
    print(f"\n{len(shapes)} shapes; {grown} grew more than {GROWN} times from 1 to 5 million tickets.")
    return 0


def read_shapes(report: str) -> Iterator[list[float]]:
    """The milliseconds of each shape that has been measured at all sizes, or has run out of time on the way."""
    for line in report.splitlines():
        cells = [cell.strip() for cell in line.split("|")][2:]
        times = cells[: len(SIZES)]
        if OVER in times:
            times[times.index(OVER) :] = [OVER] * (len(SIZES) - times.index(OVER))
        if len(cells) == len(SIZES) + 6 and all(MILLISECONDS.fullmatch(time) for time in times):
            yield [float(time.removeprefix("> ").replace(",", "")) for time in times]


def extrapolate(times: list[float], millions: float) -> float:
    """What a shape would take among so many tickets."""
    *_, before, last = times
    return last * millions / max(SIZES.values()) if last > GROWN * before else last


def print_row(title: str, how: str, times: list[float]) -> None:
    """One row of the table."""
    shares = (sum(each <= limit for each in times) / len(times) for limit in LIMITS_MS)
    print(f"| {title} | {how} | {median(times):.2f} | {' | '.join(f'{share:.0%}' for share in shares)} |")


if __name__ == "__main__":
    sys.exit(main())
