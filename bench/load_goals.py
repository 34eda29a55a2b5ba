"""The goals of `bench.load`, and the figures of a run that are held against them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence

from bench.cases import MANY_ROWS, QUESTIONS, Case
from bench.load_report import Goal
from bench.load_world import INDEXED, SEARCHED, SORTED
from bench.standby_work import HITS_COUNTED
from bench.wrk import Figures


def judge_load(figures: Mapping[Case, Sequence[Figures]]) -> Iterator[Goal]:
    """The ratios of one round with each other; of the rounds, the median."""

    def compare(one: Case, other: Case, measure: Callable[[Figures, Figures], float]) -> float:
        return statistics.median(map(measure, figures[one], figures[other]))

    def rate(perspective_id: int, one: str, other: str, questions: int = 1) -> float:
        ours, theirs = (Case(perspective_id, name, 16, questions) for name in (one, other))
        return compare(ours, theirs, lambda a, b: a.rate / b.rate)

    yield Goal("hits : bare Flask, throughput", rate(INDEXED, "hit", "bare_flask"), "≥", 0.7, "×")
    yield Goal("hits : FastAPI, an index serves the list", rate(INDEXED, "hit", "fastapi"), "≥", 2.8, "×")
    yield Goal("hits : FastAPI, no index serves the order", rate(SORTED, "hit", "fastapi"), "≥", 50, "×")
    yield Goal("hits : FastAPI, text search", rate(SEARCHED, "hit", "fastapi"), "≥", 50, "×")
    for questions, words in ((QUESTIONS, f"{QUESTIONS} questions in turn"), (1, "one question, shared")):
        ours, theirs = (Case(INDEXED, name, 16, questions) for name in ("miss", "fastapi"))
        throughput = rate(INDEXED, "miss", "fastapi", questions)
        yield Goal(f"misses : FastAPI, throughput, {words}", throughput, "≥", 1.0, "×")
        late = compare(ours, theirs, lambda a, b: a.p99 / b.p99)
        yield Goal(f"misses : FastAPI, p99, {words}", late, "≤", 1.0, "×")
    ours, theirs = (Case(INDEXED, name, 1) for name in ("hit", "bare_flask"))
    yield Goal(
        "one client, p50 of a hit minus bare Flask's",
        compare(ours, theirs, lambda a, b: a.p50 - b.p50),
        "≤",
        0.3,
        " ms",
    )


def judge_work(statements: float, scans: int) -> Iterator[Goal]:
    """Yield the goals for the work of the database, by its own log and statistics."""
    yield Goal("statements of a hit, from the standby's log", statements, "≤", 1, "")
    yield Goal(f"scans of tables and indexes in {HITS_COUNTED} hits", scans, "≤", 0, "")


def judge_times(times: Mapping[str, float]) -> Iterator[Goal]:
    """5,000 rows."""
    name = f"{MANY_ROWS:,} rows to the last byte : psql, the same SQL to /dev/null"
    yield Goal(name, times["ours"] / times["psql"], "≤", 1.3, "×")
