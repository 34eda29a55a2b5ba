"""The SQL of every field, operator, order, column and mode is what was last read and found good."""

import pytest

from tests.support.golden_cases import FOLDER, list_cases
from tickiti_query.cli.psql_script import write_script
from tickiti_query.model.statement import Statement

CASES = dict(list_cases())


@pytest.mark.parametrize("name", CASES)
def test_the_statement_is_the_golden_one(name: str) -> None:
    statement: Statement = CASES[name]
    expected = (FOLDER / f"{name}.sql").read_text("utf-8")
    assert write_script(statement) == expected, "if this change is meant: python -m tests.support.golden_cases"


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in FOLDER.glob("*.sql")} == set(CASES)
