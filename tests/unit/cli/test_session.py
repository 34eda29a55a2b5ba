"""A session of the command line: what it says of an error."""

import psycopg2
import pytest

from tickiti_query.cli.session import first_line


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (psycopg2.Error("relation is locked"), "relation is locked"),
        (psycopg2.Error("relation is locked\nHINT:  Try again.\n"), "relation is locked"),
        (psycopg2.DataError(), "DataError"),
    ],
)
def test_the_first_line_of_an_error_is_without_hints_and_never_empty(error: psycopg2.Error, line: str) -> None:
    assert first_line(error) == line
