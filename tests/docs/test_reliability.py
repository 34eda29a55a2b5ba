"""docs/reliability.md names a test for every fault, and every test of a fault."""

import ast
import re
from pathlib import Path

from tickiti_query.replica.database_errors import write_table

ROOT = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs/reliability.md").read_text("utf-8").splitlines()
    if line.startswith("|")
]


def test_the_table_of_database_errors_is_that_of_the_code() -> None:
    assert write_table() in (ROOT / "docs/reliability.md").read_text("utf-8")


def list_tests() -> set[str]:
    """`file.py::test` of every test of a fault."""
    return {
        f"{path.name}::{node.name}"
        for path in (ROOT / "tests/faults").glob("test_*.py")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_fault_has_a_test_and_every_test_its_row() -> None:
    faults = [row for row in ROWS if len(row) == 4 and row[1] and set(row[0]) != {"-"}][1:]
    named = [re.fullmatch(r"`(test_\w+\.py::test_\w+)`", row[3]) for row in faults]
    assert all(named), [row for row, name in zip(faults, named, strict=True) if not name]
    assert all(all(row) for row in faults)
    assert sorted(name[1] for name in named if name) == sorted(list_tests())
