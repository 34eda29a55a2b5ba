"""The report of a load run: the section of bench/README.md, the raw table, the chart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

COLUMNS = (
    "list",
    "clients",
    "target",
    "requests_per_second",
    "p50_ms",
    "p99_ms",
    "cpu_ms",
    "postgresql_cpu_ms",
)
OURS, RIVALS = "#1f6f8b", "#b8b8b8"


@dataclass(frozen=True)
class Goal:
    """A figure, and what it is to be."""

    name: str
    value: float
    relation: str
    bound: float
    unit: str

    @property
    def is_met(self) -> bool:
        return self.value >= self.bound if self.relation == "≥" else self.value <= self.bound


@dataclass(frozen=True)
class Table:
    """The measured cases, each with scenario, clients, target, rate, times and its single rounds."""

    cases: Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Run:
    """All that a run found, and under which conditions."""

    conditions: dict[str, Any]
    table: Table
    goals: Sequence[Goal]
    many_rows_ms: dict[str, float]


def render_section(run: Run) -> str:
    """Return the section of bench/README.md: on what was measured, and the goals."""
    told = run.conditions
    many = run.many_rows_ms
    lines = [
        (
            f"{told['date']}, {told['cpu']}, Python {told['python']}, PostgreSQL {told['postgresql']}: "
            f"{told['tickets']:,} tickets, {told['rows']} rows in an answer, {told['workers']} workers of each target "
            f"({told['threads']} threads under gunicorn), medians of {told['rounds']} interleaved rounds of "
            f"{told['seconds']} s. The load generator, all targets and both PostgreSQL servers share the machine. "
            "The service writes its log; the rivals write none."
        ),
        "",
        "| | | goal | met |",
        "|---|---:|---|---|",
        *(
            f"| {goal.name} | {goal.value:.3g}{goal.unit} | {goal.relation} {goal.bound:g}{goal.unit} "
            f"| {'yes' if goal.is_met else '**no**'} |"
            for goal in run.goals
        ),
        "",
        (
            f"5,000 rows to the last byte take {many['ours']:.0f} ms with the cache off. psql takes "
            f"{many['psql']:.0f} ms for the same statement, printed to /dev/null."
        ),
    ]
    return "\n".join(lines)


def list_rows(run: Run) -> Iterator[tuple[object, ...]]:
    """Return the rows of the raw table, in the order of COLUMNS."""
    for case in run.table.cases:
        figures = (case[name] for name in ("rate", "p50_ms", "p99_ms", "cpu_ms", "database_cpu_ms"))
        yield (case["scenario"], case["clients"], case["target"], *map(write_figure, figures))


def write_figure(value: float) -> str:
    """Three digits that say something."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def render_chart(run: Run, path: Path) -> None:
    """Requests a second with 16 clients, one group of bars a list, on a logarithmic axis."""
    import matplotlib as mpl  # noqa: PLC0415 - only --write needs it

    mpl.use("svg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "load", "font.family": "sans-serif"})
    from matplotlib import pyplot  # noqa: PLC0415

    cases = [case for case in run.table.cases if case["clients"] > 1]
    groups = [(title, list(group)) for title, group in groupby(cases, key=lambda case: case["scenario"])]
    figure, axes = pyplot.subplots(
        len(groups),
        sharex=True,
        figsize=(7.5, 0.9 + 0.32 * len(cases) + 0.35 * len(groups)),
        gridspec_kw={"height_ratios": [len(group) for _, group in groups]},
        layout="constrained",
    )
    for ax, (title, group) in zip(axes, groups, strict=True):
        names = [case["target"] for case in group]
        rates = [case["rate"] for case in group]
        colours = [OURS if name.startswith("tickiti-query") else RIVALS for name in names]
        bars = ax.barh(names, rates, color=colours, height=0.7)
        ax.bar_label(bars, [f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}" for rate in rates], padding=3)
        ax.invert_yaxis()
        ax.set_xscale("log")
        ax.set_title(title, loc="left", fontsize="medium")
        ax.spines[["top", "right"]].set_visible(False)
    axes[-1].set_xlim(1, max(case["rate"] for case in cases) * 2)
    axes[-1].set_xlabel(f"requests a second, {cases[0]['clients']} clients, {run.conditions['rows']} rows (log)")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
