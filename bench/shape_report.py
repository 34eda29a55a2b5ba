"""The report on the shapes: a line of progress each, the section of bench/README.md, and the raw table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.shape_language import NO_MORE, TINY, UNEXPLAINED, WHOLE_QUEUE
from bench.shape_measure import GOAL, LONGEST_MS, Measured, is_worse

if TYPE_CHECKING:
    from bench.shapes import Line

COLUMNS = (
    "user",
    "group",
    "shape",
    "ms_100k",
    "ms_1m",
    "ms_5m",
    "buffers",
    "rows",
    "ratio",
    "ms_by_hand",
    "growth",
    "grows",
    "plan",
    "reason",
)


@dataclass(frozen=True)
class Conditions:
    """On what the shapes were measured; None where there was no smaller or larger database."""

    version: str
    tickets: int
    small: int | None
    large: int | None
    date: str


def find_growth(line: Line) -> float | None:
    """From the smallest to the largest database."""
    return line.large.ms / line.small.ms if line.large and line.small else None


def is_growing(line: Line) -> bool:
    """Return whether the goal of growth is missed by more than noise, and not because there are more rows to show."""
    return bool(
        line.large and line.small and line.large.rows <= line.small.rows and is_worse(line.large.ms, line.small.ms)
    )


def find_mark(line: Line) -> str:
    """Return a word for each thing that is amiss."""
    marks = []
    if line.compared.differs:
        marks.append("DIFFERS")
    if line.compared.ours is None:
        marks.append("no end")
    if line.compared.is_behind:
        marks.append("behind")
    if is_growing(line):
        marks.append("grows")
    return " ".join(marks)


def render_progress(line: Line) -> str:
    """One line."""
    ours, best = line.compared.ours, line.compared.best
    times = "/".join(render_ms(each) if each else "-" for each in (line.small, ours, line.large))
    beside = f"best {render_ms(best)} x{line.compared.ratio:.1f}" if best and line.compared.ratio else ""
    title = f"{line.shape.group}: {line.shape.title}"
    return f"{title:<62} {line.person:<13} {times:>22} ms {beside:<18} {find_mark(line)}".rstrip()


def render_ms(measured: Measured | None) -> str:
    if measured is None:
        return f"> {LONGEST_MS:,}"
    return f"{measured.ms:.2f}" if measured.ms < 10 else f"{measured.ms:,.0f}"


def render_section(lines: Sequence[Line], told: Conditions) -> str:
    """Return the section of bench/README.md: on what was measured, and how many of each group meet the goals."""
    sizes = " and ".join(f"{size:,}" for size in (told.small, told.large) if size)
    others = f" and again among {sizes}" if sizes else ""
    return "\n".join(
        [
            (
                f"{told.date}, PostgreSQL {told.version}: among {told.tickets:,} tickets{others}. Milliseconds are"
                f" among {told.tickets:,}."
            ),
            "",
            *render_summary(lines),
        ]
    )


def render_summary(lines: Sequence[Line]) -> Iterator[str]:
    """Yield the table of groups: how many shapes of each meet the goals."""
    yield "| | measured | under 5 ms | median ms | slowest ms | ratio beyond goal | growth beyond goal |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for group in dict.fromkeys(line.shape.group for line in lines):
        own = [line for line in lines if line.shape.group == group]
        times = sorted(line.compared.ours.ms if line.compared.ours else LONGEST_MS for line in own)
        yield (
            f"| {group} | {len(own)} | {sum(ms < 5 for ms in times)} | {times[len(times) // 2]:.2f}"
            f" | {times[-1]:,.0f} | {sum(line.compared.is_behind for line in own)} | {sum(map(is_growing, own))} |"
        )


def find_reason(line: Line) -> str:
    """Return the reason why a line misses a goal, by its figures, or else by its shape; empty where it misses none."""
    if line.compared.differs:
        return "other rows than by hand"
    if line.compared.is_behind:
        return line.shape.why_behind or line.shape.why or UNEXPLAINED
    if not (is_growing(line) or line.compared.ours is None):
        return ""
    small, large = line.small, line.large
    plan = " ".join(large.plan) if large else ""
    if line.person == TINY and "tickets_queue_" in plan and "trgm" not in plan:
        return WHOLE_QUEUE
    if line.shape.why:
        return line.shape.why
    return NO_MORE if small and large and large.buffers <= GOAL * small.buffers else UNEXPLAINED


def list_rows(lines: Sequence[Line]) -> Iterator[tuple[object, ...]]:
    """Return the rows of the raw table, in the order of COLUMNS. Cells that were not measured are empty."""
    for line in lines:
        ours, growth, ratio = line.compared.ours, find_growth(line), line.compared.ratio
        reason = find_reason(line)
        yield (
            line.person,
            line.shape.group,
            line.shape.title,
            write_ms(line.small) if line.small else "",
            write_ms(ours),
            write_ms(line.large) if line.large else "",
            ours.buffers if ours else "",
            ours.rows if ours else "",
            f"{ratio:.2f}" if ratio else "",
            write_ms(line.compared.best) if line.compared.is_behind else "",
            f"{growth:.1f}" if growth else "",
            "yes" if is_growing(line) else "",
            ", ".join(ours.plan[:4]) if ours else "",
            f"{reason[:1].upper()}{reason[1:]}",
        )


def write_ms(measured: Measured | None) -> str:
    """Return the milliseconds for the raw table, without commas."""
    return render_ms(measured).replace(",", "")
