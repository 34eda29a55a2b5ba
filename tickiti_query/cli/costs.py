"""`costs`: a table of what each perspective costs, from the metrics of one pod or several."""

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPException
from typing import Any
from urllib.request import urlopen

from tickiti_query.cli.cost_totals import CostTotals, add_page
from tickiti_query.cli.session import CommandError

DESCRIPTION = """
Reads GET /metrics of each operations port that is named, and prints what each perspective has cost since the pods
started, what cost the replica most first: calls, the share of answers that came from the cache, the time that half of
the requests and 19 of 20 took at most, rows in answers, rows among them that the replica read, and the seconds that
requests waited for it. `other` are perspectives beyond those that a worker names, `none` requests that reached none.
"""
EPILOG = "Exit code: 0; 2 where a page cannot be read, and for wrong arguments."
SECONDS_A_PAGE = 10.0
LONGEST_WAIT = 86_400  # seconds
HEADINGS = ("perspective", "calls", "hits", "p50 ms", "p95 ms", "rows returned", "rows read", "SQL s")


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "costs", help="show what each perspective costs", description=DESCRIPTION, epilog=EPILOG
    )
    parser.add_argument("url", nargs="+", help="of an operations port, such as http://127.0.0.1:9090; one for each pod")
    over = "wait so long, and show what these seconds cost"
    parser.add_argument("--over", type=read_seconds, metavar="SECONDS", help=over)
    parser.set_defaults(run=run)


def read_seconds(text: str) -> float:
    """Return the seconds to wait: more than none, and no more than a day."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST_WAIT:
        raise argparse.ArgumentTypeError(f"must be a number of seconds above 0, and {LONGEST_WAIT:,} at most")
    return seconds


def run(args: argparse.Namespace) -> int:
    """Print the table; 0, or CommandError."""
    totals: dict[str, CostTotals] = {}
    if args.over is not None:
        add_pages(totals, args.url, -1)
        time.sleep(args.over)
    add_pages(totals, args.url)
    for line in lay_out(list_rows(totals)):
        sys.stdout.write(f"{line}\n")
    return 0


def add_pages(totals: dict[str, CostTotals], urls: Sequence[str], sign: int = 1) -> None:
    """Add each pod's page. CommandError where one cannot be read."""
    for url in urls:
        if not url.startswith(("http://", "https://")):
            raise CommandError(f"{url} is no address; one is http://127.0.0.1:9090")
        address = f"{url.rstrip('/').removesuffix('/metrics')}/metrics"
        try:
            with urlopen(address, timeout=SECONDS_A_PAGE) as response:  # noqa: S310  http or https
                page = response.read().decode()
            add_page(totals, page, sign)
        except (OSError, HTTPException, ValueError, KeyError):
            raise CommandError(f"{address} gives no metrics of the service") from None


def list_rows(totals: Mapping[str, CostTotals]) -> Iterator[tuple[str, ...]]:
    """Yield the headings, and a row for each perspective that was asked for."""
    yield HEADINGS
    asked = [(name, cost) for name, cost in totals.items() if cost.calls > 0]
    for name, cost in sorted(asked, key=lambda each: (-each[1].sql_seconds, -each[1].calls, each[0])):
        ratio = cost.hit_ratio
        yield (
            name,
            f"{cost.calls:,.0f}",
            "" if ratio is None else f"{ratio:.0%}",
            *(spell_milliseconds(cost.find_quantile(share)) for share in (0.5, 0.95)),
            f"{cost.rows_returned:,.0f}",
            f"{cost.rows_read:,.0f}",
            f"{cost.sql_seconds:,.2f}",
        )


def spell_milliseconds(seconds: float | None) -> str:
    """Return the milliseconds as text, with one decimal below ten. A quantile of a histogram is no more exact."""
    if seconds is None:
        return ""
    milliseconds = seconds * 1000
    return f"{milliseconds:,.0f}" if milliseconds >= 10 else f"{milliseconds:.1f}"


def lay_out(rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    """Yield the lines of a table: the first column to the left, numbers to the right."""
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for first, *numbers in table:
        cells = [number.rjust(width) for number, width in zip(numbers, widths[1:], strict=True)]
        yield "  ".join([first.ljust(widths[0]), *cells])
