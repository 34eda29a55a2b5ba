"""The cases of `bench.load`, measured in interleaved rounds."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bench.cases import QUESTIONS, Case
from bench.command import report
from bench.load_world import INDEXED, SEARCHED, SORTED
from bench.rivals.targets import Target
from bench.wrk import Figures, Wrk

ROUND = (
    *(Case(INDEXED, name, 16) for name in ("bare_flask", "hit", "fastapi", "miss", "flask_psycopg2")),
    *(Case(INDEXED, name, 16, QUESTIONS) for name in ("fastapi", "miss")),
    *(Case(SORTED, name, 16) for name in ("hit", "fastapi")),
    *(Case(SEARCHED, name, 16) for name in ("hit", "fastapi")),
    *(Case(INDEXED, name, 1) for name in ("bare_flask", "hit")),
)


def run_rounds(wrk: Wrk, targets: Mapping[str, Target], rounds: int) -> dict[Case, list[Figures]]:
    """All cases in turns, so that what the machine does meanwhile falls on all of them."""
    figures: dict[Case, list[Figures]] = {case: [] for case in ROUND}
    for number in range(1, rounds + 1):
        for case in ROUND:
            target = targets[case.target]
            seen = wrk.measure(target, case)
            figures[case].append(seen)
            report(
                f"round {number}/{rounds}  {case.clients:>2} clients  perspective {case.perspective_id}  "
                f"{case.questions:>2} questions  "
                f"{target.title:<26}{seen}"
            )
    return figures


def describe_case(case: Case, target: Target, figures: Sequence[Figures]) -> dict[str, Any]:
    """A line of the table: medians over the rounds."""
    return {
        "scenario": case.scenario,
        "clients": case.clients,
        "target": target.title,
        "rate": statistics.median(each.rate for each in figures),
        "p50_ms": statistics.median(each.p50 for each in figures),
        "p99_ms": statistics.median(each.p99 for each in figures),
        "cpu_ms": statistics.median(each.cpu for each in figures),
        "database_cpu_ms": statistics.median(each.database_cpu for each in figures),
        "rounds": [asdict(each) for each in figures],
    }
