"""What the shapes took: a line of progress each, and the section of bench/README.md."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from bench.shape_language import NO_MORE, TINY, UNEXPLAINED, WHOLE_QUEUE
from bench.shape_measure import GOAL, LONGEST_MS, NOTICEABLE_MS, Measured, is_worse

if TYPE_CHECKING:
    from bench.shapes import Line

BEGIN, END = "<!-- shapes -->", "<!-- /shapes -->"
INTRODUCTION = "# Benches\n\nEvery figure that the project states is made by a command in this directory.\n"


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
    """Whether the goal of growth is missed by more than noise, and not because there are more rows to show."""
    return bool(
        line.large and line.small and line.large.rows <= line.small.rows and is_worse(line.large.ms, line.small.ms)
    )


def find_mark(line: Line) -> str:
    """What is amiss, in a word."""
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


def render_markdown(lines: Sequence[Line], told: Conditions) -> str:
    """The section of the README."""
    sizes = [f"{size:,}" for size in (told.small, told.tickets, told.large) if size]
    parts = [
        "## Shapes",
        "",
        (
            f"`python -m bench.shapes --write` writes this section. PostgreSQL {told.version}, {told.date}; a page of"
            f" 100 of {told.tickets:,} tickets, compiled and run as the service does it: names looked up, its session"
            " settings, median time of warm runs on the server without planning, buffers read, and the ways into the"
            f" relations. Times in ms at {', '.join(sizes)} tickets. The ratio is to the fastest of several statements"
            " written by hand (bench/shape_hand.py; where there is none, to the compiler's plain form), run in turns,"
            f" with the same rows. Growth is from the smallest to the largest. A goal is missed where a figure is"
            f" beyond {GOAL} and the difference above {NOTICEABLE_MS} ms; growth is not counted where the smallest"
            " has fewer rows to show."
        ),
        "",
        *render_summary(lines),
        "",
        *render_misses(lines),
    ]
    people = list(dict.fromkeys(line.person for line in lines))
    for person in people:
        own = [line for line in lines if line.person == person]
        parts += [
            "",
            f"### A user who sees {person}",
            "",
            "<details>",
            "",
            *render_table(own),
            "",
            "</details>",
        ]
    return "\n".join(parts)


def render_summary(lines: Sequence[Line]) -> Iterator[str]:
    """How many of each group meet the goals."""
    yield "| | measured | under 5 ms | median ms | slowest ms | ratio beyond goal | growth beyond goal |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for group in dict.fromkeys(line.shape.group for line in lines):
        own = [line for line in lines if line.shape.group == group]
        times = sorted(line.compared.ours.ms if line.compared.ours else LONGEST_MS for line in own)
        yield (
            f"| {group} | {len(own)} | {sum(ms < 5 for ms in times)} | {times[len(times) // 2]:.2f}"
            f" | {times[-1]:,.0f} | {sum(line.compared.is_behind for line in own)} | {sum(map(is_growing, own))} |"
        )


def render_misses(lines: Sequence[Line]) -> Iterator[str]:
    """What misses a goal, by reason."""
    by_reason: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        if reason := find_reason(line):
            by_reason[reason].append(line)
    yield "### Beyond the goals"
    for reason, missing in by_reason.items():
        yield ""
        yield f"**{reason[0].upper()}{reason[1:]}.**"
        yield ""
        for title, same in groupby(missing, key=lambda line: line.shape.title):
            told = "; ".join(f"{line.person}: {describe_miss(line)}" for line in same)
            yield f"- {title} — {told}"


def find_reason(line: Line) -> str:
    """Why a line misses a goal, by its figures, or else by its shape; empty where it misses none."""
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


def describe_miss(line: Line) -> str:
    """The figures that miss."""
    told = []
    if line.compared.differs:
        told.append("other rows than by hand")
    if line.compared.ours is None:
        told.append(f"over {LONGEST_MS // 1000} s")
    if line.compared.is_behind:
        told.append(f"{render_ms(line.compared.ours)} ms, by hand {render_ms(line.compared.best)}")
    if is_growing(line):
        told.append(f"{render_ms(line.small)} → {render_ms(line.large)} ms")
    return ", ".join(told)


def render_table(lines: Sequence[Line]) -> Iterator[str]:
    """One line a shape."""
    yield "| shape | 100k | 1M | 5M | buffers | rows | ratio | growth | way |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---|"
    for group, own in groupby(lines, key=lambda line: line.shape.group):
        yield f"| **{group}** | | | | | | | | |"
        for line in own:
            ours, growth = line.compared.ours, find_growth(line)
            ratio = line.compared.ratio
            small, large = (render_ms(each) if each else "" for each in (line.small, line.large))
            yield (
                f"| {line.shape.title} | {small} | {render_ms(ours)} | {large}"
                f" | {f'{ours.buffers:,}' if ours else ''} | {ours.rows if ours else ''}"
                f" | {bold(f'{ratio:.2f}', line.compared.is_behind) if ratio else ''}"
                f" | {bold(f'{growth:.1f}', is_growing(line)) if growth else ''}"
                f" | {', '.join(ours.plan[:4]) if ours else ''} |"
            )


def bold(text: str, is_bold: bool) -> str:
    return f"**{text}**" if is_bold else text


def write_section(path: Path, text: str) -> None:
    """Put the text between its markers; a README that lacks them gets them at its end."""
    readme = path.read_text("utf-8") if path.exists() else INTRODUCTION
    section = f"{BEGIN}\n{text}\n{END}"
    if BEGIN in readme:
        readme = re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: section, readme, flags=re.DOTALL)
    else:
        readme = f"{readme.rstrip()}\n\n{section}\n"
    path.write_text(readme, "utf-8")
