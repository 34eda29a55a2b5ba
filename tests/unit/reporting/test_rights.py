"""The rights of the service's role: a role that may write everywhere is told of in a few words."""

from typing import Any

import pytest

from tickiti_query.model.statement import Statement
from tickiti_query.reporting.rights import POWERFUL, WRITABLE, find_powers


class Rights:
    """A server with these superusers and these writable relations."""

    def __init__(self, superusers: int, relations: int) -> None:
        self._rows: dict[str, list[tuple[Any, ...]]] = {
            POWERFUL: [(f"root{number}",) for number in range(superusers)],
            WRITABLE: [("reporting", f"table{number}", number % 2 == 0, "INSERT") for number in range(relations)],
        }

    def fetch(self, statement: Statement) -> list[tuple[Any, ...]]:
        return self._rows[statement.sql]


@pytest.mark.parametrize(("superusers", "relations", "named"), [(0, 0, 0), (0, 4, 4), (0, 9, 5), (9, 0, 5), (1, 9, 1)])
def test_the_first_few_are_named(superusers: int, relations: int, named: int) -> None:
    assert len(find_powers(Rights(superusers, relations))) == named


def test_each_is_named_with_its_rights() -> None:
    assert find_powers(Rights(1, 2)) == ["is, or may become, the superuser root0"]
    assert find_powers(Rights(0, 2)) == ["owns reporting.table0", "may INSERT on reporting.table1"]
