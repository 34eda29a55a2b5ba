"""Collations by which the server sorts otherwise than indexes were sorted are named, on servers of all ages."""

from typing import Any

import pytest

from tickiti_query.model.statement import Statement
from tickiti_query.reporting.collations import VERSION, find_changed_collations


class Server:
    """A server of a version, with the versions of its collations."""

    def __init__(self, version: int, rows: list[tuple[str, str, str | None]]) -> None:
        self._answers: dict[str, list[tuple[Any, ...]]] = {VERSION: [(version,)]}
        self._rows = rows
        self.asked = ""

    def fetch(self, statement: Statement) -> list[tuple[Any, ...]]:
        if statement.sql in self._answers:
            return self._answers[statement.sql]
        self.asked = statement.sql
        return self._rows


def test_a_collation_counts_where_its_version_is_another_one() -> None:
    rows = [("database", "1", "2"), ('collation "de"', "1", "1"), ('collation "fr"', "1", None)]
    assert find_changed_collations(Server(180000, rows)) == [
        "the database was made with version 1 of its collation library, and the server has 2"
    ]


@pytest.mark.parametrize(("version", "asks"), [(130000, False), (140099, False), (150000, True), (180006, True)])
def test_the_databases_own_is_asked_for_where_it_has_a_version(version: int, asks: bool) -> None:
    server = Server(version, [])
    assert find_changed_collations(server) == []
    assert ("datcollversion" in server.asked) is asks
