"""Metrics by name: each is documented, and each that is named somewhere exists."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

import tickiti_query.operations.metrics  # noqa: F401  defines them

ROOT = Path(__file__).parents[2]
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("", "_bucket", "_sum", "_count")}
DEFINITIONS = ROOT / "tickiti_query" / "operations" / "metrics.py"


@dataclass(frozen=True, slots=True)
class Definition:
    """A metric as it is defined: its name, its kind, its labels."""

    name: str
    kind: str
    labels: tuple[str, ...]


def read_definitions() -> Iterator[Definition]:
    """The metrics that the service defines, read from the module that does."""
    for node in ast.parse(DEFINITIONS.read_text("utf-8")).body:
        call = node.value if isinstance(node, ast.Assign) else None
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id.lower() in SUFFIXES:
            name, _, *labels = [ast.literal_eval(argument) for argument in call.args]
            yield Definition(name, call.func.id.lower(), tuple(*labels))


METRICS = list(read_definitions())
NAMED_IN = sorted(
    path
    for pattern in ("README.md", "docs/*.md", "deploy/**/*.json", "deploy/**/*.y*ml")
    for path in ROOT.glob(pattern)
)


def list_names() -> set[str]:
    """Every name that a query may use."""
    return {metric.name + suffix for metric in METRICS for suffix in SUFFIXES[metric.kind]}


def test_every_metric_is_known_with_its_kind() -> None:
    ours = {(each.name, each.type) for each in REGISTRY.collect() if each.name.startswith("tickiti_query_")}
    assert {(metric.name, metric.kind) for metric in METRICS} == ours


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_has_a_row_with_its_kind_and_labels(metric: Definition) -> None:
    name = metric.name + SUFFIXES[metric.kind][0]
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    row = f"| `{name}` | {metric.kind} | {labels} |" if labels else f"| `{name}` | {metric.kind} | |"
    assert row in (ROOT / "docs" / "metrics.md").read_text("utf-8")


@pytest.mark.parametrize("path", NAMED_IN, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_metric_that_is_named_exists(path: Path) -> None:
    named = set(re.findall(r"\btickiti_query_[a-z_]+", path.read_text("utf-8")))
    assert named <= list_names()
