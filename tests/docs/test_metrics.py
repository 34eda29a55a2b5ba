"""Metrics by name: each is documented, and each that is named somewhere exists."""

import re
from pathlib import Path

import pytest
from prometheus_client.metrics import MetricWrapperBase

from tickiti_query.operations import metrics

ROOT = Path(__file__).parents[2]
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("", "_bucket", "_sum", "_count")}
METRICS = [value for value in vars(metrics).values() if isinstance(value, MetricWrapperBase)]
NAMED_IN = sorted(
    path
    for pattern in ("README.md", "docs/*.md", "deploy/**/*.json", "deploy/**/*.y*ml")
    for path in ROOT.glob(pattern)
)


def list_names() -> set[str]:
    """Every name that a query may use."""
    return {metric._name + suffix for metric in METRICS for suffix in SUFFIXES[str(metric._type)]}


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric._name)
def test_every_metric_has_a_row_with_its_kind_and_labels(metric: MetricWrapperBase) -> None:
    name = metric._name + SUFFIXES[str(metric._type)][0]
    labels = ", ".join(f"`{label}`" for label in metric._labelnames)
    row = f"| `{name}` | {metric._type} | {labels} |" if labels else f"| `{name}` | {metric._type} | |"
    assert row in (ROOT / "docs" / "metrics.md").read_text("utf-8")


@pytest.mark.parametrize("path", NAMED_IN, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_metric_that_is_named_exists(path: Path) -> None:
    named = set(re.findall(r"\btickiti_query_[a-z_]+", path.read_text("utf-8")))
    assert named <= list_names()
