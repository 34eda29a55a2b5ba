"""The check of NULLs: a relation that cannot be read is passed over, a connection that is lost is not."""

from typing import Any, cast

import psycopg2
import pytest

from tickiti_query.cli.checks.contract import judge_rows
from tickiti_query.cli.session import Session
from tickiti_query.model.statement import Statement


class Denied(psycopg2.Error):
    """An error that the server has answered."""

    pgcode = "42501"


class FailingSession:
    """A session in which every statement fails."""

    def __init__(self, fault: psycopg2.Error) -> None:
        self._fault = fault

    def fetch(self, statement: Statement) -> list[tuple[Any, ...]]:
        raise self._fault


def judge(fault: psycopg2.Error) -> list[Any]:
    return list(judge_rows(cast(Session, FailingSession(fault)), "tickets", ["subject"]))


def test_a_lost_connection_is_not_taken_for_a_relation_without_nulls() -> None:
    with pytest.raises(psycopg2.OperationalError):
        judge(psycopg2.OperationalError("server closed the connection unexpectedly"))


def test_another_check_says_where_a_relation_cannot_be_read() -> None:
    assert judge(Denied()) == []
