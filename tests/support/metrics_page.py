"""A page of metrics, read as Prometheus reads it."""

import urllib.request
from collections.abc import Iterator

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.support.running import SECONDS, Running


class Page:
    """The samples of one scrape."""

    def __init__(self, text: str) -> None:
        self.families: list[Metric] = list(text_string_to_metric_families(text))

    def list_values(self, name: str, **labels: str) -> Iterator[float]:
        """The values of all samples of this name that have these labels among theirs."""
        for family in self.families:
            for sample in family.samples:
                if sample.name == f"tickiti_query_{name}" and labels.items() <= sample.labels.items():
                    yield sample.value

    def sum(self, name: str, **labels: str) -> float:
        """Their sum."""
        return sum(self.list_values(name, **labels))

    def find_labels(self, name: str, label: str) -> set[str]:
        """Return the values of a label in the samples of this name."""
        return {
            sample.labels[label]
            for family in self.families
            for sample in family.samples
            if sample.name == f"tickiti_query_{name}"
        }


def scrape(running: Running) -> Page:
    """The page of a service that runs, as it is now."""
    with urllib.request.urlopen(f"http://127.0.0.1:{running.admin_port}/metrics", timeout=SECONDS) as response:
        return Page(response.read().decode())
