"""The cost totals of each perspective, from the pages of metrics that pods give."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

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

    def find_quantile(self, share: float) -> float | None:
        """Return the seconds that this share of the requests took at most, as Prometheus estimates quantiles.

        None where nothing was asked; beyond the last bound, that bound.
        """
        bounds = sorted(self.buckets)
        total = self.buckets[bounds[-1]] if bounds else 0
        if not total:
            return None
        below, lower = 0.0, 0.0
        for bound in bounds:
            count = self.buckets[bound]
            if count >= share * total:
                if bound == float("inf"):
                    return lower
                return lower + (bound - lower) * (share * total - below) / (count - below)
            below, lower = count, bound
        return lower


def add_page(totals: dict[str, CostTotals], page: str, sign: int = 1) -> None:
    """Add the figures of a page to the totals, or take them away again with -1.

    ValueError where it is no page of metrics.
    """
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            perspective = sample.labels.get("perspective")
            if perspective is not None and sample.name.startswith(PREFIX):
                cost = totals.setdefault(perspective, CostTotals())
                add_sample(cost, sample.name.removeprefix(PREFIX), sample.labels, sign * sample.value)


def add_sample(cost: CostTotals, name: str, labels: Mapping[str, str], value: float) -> None:
    """Count one sample in."""
    match name:
        case "requests_total":
            cost.calls += value
            cost.answered += value * (labels["status"] == "200")
            cost.hits += value * (labels["cache"] == "hit")
        case "rows_returned_total":
            cost.rows_returned += value
        case "rows_read_total":
            cost.rows_read += value
        case "sql_seconds_total":
            cost.sql_seconds += value
        case "request_seconds_bucket":
            cost.buckets[float(labels["le"])] += value
