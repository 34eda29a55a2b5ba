"""The benches write their raw tables to files, and one section each of bench/README.md."""

import csv
from pathlib import Path
from typing import Any

import pytest

from bench import growth, guesses, load_report, results_page, shape_report
from bench.load_report import Goal, Run, Table
from bench.shape_cases import list_single
from bench.shape_measure import Compared, Measured
from bench.shapes import Line
from tests.support.documents import read_document

TABLES = {"guesses": guesses.COLUMNS, "load": load_report.COLUMNS, "shapes": shape_report.COLUMNS}
PAGE = read_document("bench/README.md")


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", TABLES)
def test_a_raw_table_has_the_columns_that_its_bench_writes_and_the_page_leads_to_it(name: str) -> None:
    path = results_page.RESULTS / f"{name}.csv"
    rows = read_table(path)
    assert rows
    assert {tuple(row) for row in rows} == {TABLES[name]}
    assert f"results/{name}.csv" in PAGE.links


@pytest.mark.parametrize("name", TABLES)
def test_the_page_has_one_section_for_each_bench_that_writes_one(name: str, tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(PAGE.text, "utf-8")
    results_page.replace_section(name, "a figure", page)
    text = page.read_text("utf-8")
    assert f"<!-- {name} -->\na figure\n<!-- /{name} -->" in text
    before, _, after = PAGE.text.partition(f"<!-- {name} -->")
    assert text.startswith(before)
    assert text.endswith(after.partition(f"<!-- /{name} -->")[2])


def test_a_page_without_markers_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("# Benches\n", "utf-8")
    with pytest.raises(ValueError, match="one section between <!-- load --> and <!-- /load -->"):
        results_page.replace_section("load", "a figure", page)


def test_a_load_run_is_a_section_of_goals_and_a_row_for_each_case() -> None:
    case: dict[str, Any] = {
        "scenario": "newest first",
        "clients": 16,
        "target": "bare Flask, same bytes",
        "rate": 9389.4,
    }
    case |= {"p50_ms": 1.6, "p99_ms": 3.86, "cpu_ms": 0.17, "database_cpu_ms": 0.0}
    conditions: dict[str, Any] = {"date": "2026-11-26", "cpu": "2 × AMD EPYC", "python": "3.11.7", "postgresql": "18.6"}
    conditions |= {"tickets": 1_000_000, "rows": 100, "workers": 2, "threads": 8, "rounds": 5, "seconds": 5}
    goals = [Goal("hits", 0.818, "≥", 0.7, "×"), Goal("misses", 0.9, "≥", 1.0, "×")]
    run = Run(conditions, Table([case]), goals, {"ours": 16.0, "psql": 23.0})
    section = load_report.render_section(run)
    assert "| hits | 0.818× | ≥ 0.7× | yes |" in section
    assert "| misses | 0.9× | ≥ 1× | **no** |" in section
    assert list(load_report.list_rows(run)) == [
        ("newest first", 16, "bare Flask, same bytes", "9389", "1.60", "3.86", "0.17", "0.00")
    ]


def test_the_raw_table_of_shapes_is_what_growth_counts(tmp_path: Path) -> None:
    small, ours, large = (Measured(ms, 0.1, 100, 101, ("tickets_updated",)) for ms in (0.5, 1.0, 6.0))
    line = Line(next(iter(list_single())), "all queues", Compared(ours, ours), small, large)
    path = results_page.write_csv("shapes", shape_report.COLUMNS, shape_report.list_rows([line]), tmp_path)
    (row,) = read_table(path)
    assert (row["ms_100k"], row["ms_1m"], row["ms_5m"], row["grows"]) == ("0.50", "1.00", "6.00", "yes")
    assert row["reason"]
    assert list(growth.read_shapes([row])) == [[0.5, 1.0, 6.0]]


def test_a_kind_of_token_that_is_told_apart_by_time_is_counted() -> None:
    numbers = range(300)
    times = {guesses.REFERENCE: [float(n) for n in numbers], "no token": [n + (-0.5) ** (1 + n % 2) for n in numbers]}
    kinds, bound = guesses.judge({**times, "right secret, expired": [999.0 + n for n in numbers]})
    assert [kind.is_told for kind in kinds] == [False, False, True]
    section = guesses.render_section(kinds, bound, 300)
    assert "| a stranger can guess | 1 | 0 | no token | 50.0% |" in section
    assert "| with the right secret | 1 | 1 | right secret, expired | 100.0% |" in section
