"""`costs`: a table of what each perspective costs, from the pages of metrics that one pod or several give."""

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from tickiti_query.cli.session import Arguments, CommandError

HELP = "show what each perspective costs"
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
PREFIX = "tickiti_query_"


@dataclass(slots=True)
class CostTotals:
    """The totals of one perspective. `buckets`: the number of requests by a bound in seconds that they took at most."""

    calls: float = 0
    answered: float = 0
    hits: float = 0
    rows_returned: float = 0
    rows_read: float = 0
    sql_seconds: float = 0
    buckets: defaultdict[float, float] = field(default_factory=lambda: defaultdict(float))

    @property
    def hit_ratio(self) -> float | None:
        """The share of answers with rows that came from the cache; None without an answer."""
        return self.hits / self.answered if self.answered else None

    def add(self, name: str, labels: Mapping[str, str], value: float) -> None:
        """Count one sample in."""
        match name:
            case "requests_total":
                self.calls += value
                self.answered += value * (labels["status"] == "200")
                self.hits += value * (labels["cache"] == "hit")
            case "rows_returned_total":
                self.rows_returned += value
            case "rows_read_total":
                self.rows_read += value
            case "sql_seconds_total":
                self.sql_seconds += value
            case "request_seconds_bucket":
                self.buckets[float(labels["le"])] += value

    def find_quantile(self, share: float) -> float | None:
        """Return the seconds that this share of the requests took at most, as Prometheus estimates quantiles.

        None where nothing was asked; beyond the last bound, that bound.
        """
        total = self.buckets[max(self.buckets)] if self.buckets else 0
        if not total:
            return None
        below, lower = 0.0, 0.0
        for bound, count in sorted(self.buckets.items()):
            if count >= share * total:
                is_beyond = bound == float("inf")
                return lower if is_beyond else lower + (bound - lower) * (share * total - below) / (count - below)
            below, lower = count, bound
        return lower


def read_seconds(text: str) -> float:
    """Return the seconds to wait: more than none, and no more than a day."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST_WAIT:
        raise argparse.ArgumentTypeError(f"must be a number of seconds above 0, and {LONGEST_WAIT:,} at most")
    return seconds


ARGUMENTS: Arguments = {
    "url": {"nargs": "+", "help": "of an operations port, such as http://127.0.0.1:9090; one for each pod"},
    "--over": {"type": read_seconds, "metavar": "SECONDS", "help": "wait so long, and show what these seconds cost"},
}


def run(args: argparse.Namespace) -> int:
    """Print the table; 0, or CommandError."""
    totals: dict[str, CostTotals] = {}
    if args.over is not None:
        add_pages(totals, args.url, -1)
        time.sleep(args.over)
    add_pages(totals, args.url)
    table = [HEADINGS, *list_rows(totals)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for name, *numbers in table:
        cells = [number.rjust(width) for number, width in zip(numbers, widths[1:], strict=True)]
        sys.stdout.write("  ".join([name.ljust(widths[0]), *cells]) + "\n")
    return 0


def add_pages(totals: dict[str, CostTotals], urls: Sequence[str], sign: int = 1) -> None:
    """Add the figures of each pod's page, or take them away again with -1. Raise CommandError without a page."""
    for url in urls:
        if not url.startswith(("http://", "https://")):
            raise CommandError(f"{url} is no address; one is http://127.0.0.1:9090")
        address = f"{url.rstrip('/').removesuffix('/metrics')}/metrics"
        try:
            with urlopen(address, timeout=SECONDS_A_PAGE) as response:  # noqa: S310  http or https
                add_page(totals, response.read().decode(), sign)
        except (OSError, HTTPException, ValueError, KeyError):
            raise CommandError(f"{address} gives no metrics of the service") from None


def add_page(totals: dict[str, CostTotals], page: str, sign: int = 1) -> None:
    """Add the figures of one page to the totals. Raise ValueError or KeyError where it is none of the service."""
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            perspective = sample.labels.get("perspective")
            if perspective is not None and sample.name.startswith(PREFIX):
                cost = totals.setdefault(perspective, CostTotals())
                cost.add(sample.name.removeprefix(PREFIX), sample.labels, sign * sample.value)


def list_rows(totals: Mapping[str, CostTotals]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each perspective that was asked for."""
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
